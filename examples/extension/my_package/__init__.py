"""One component of each kind."""
