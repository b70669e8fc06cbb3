"""Logged values: which source feeds what, what a message says, rows of one step each. Pure."""
