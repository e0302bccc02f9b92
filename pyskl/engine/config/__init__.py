"""Config files: reading them, and what each key becomes."""
