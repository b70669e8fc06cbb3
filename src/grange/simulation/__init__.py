"""A farm on virtual time, through the real services."""
