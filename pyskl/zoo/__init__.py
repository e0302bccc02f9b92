"""The model zoo: published networks, their files, and the names of their classes."""
