"""Typed settings of every program, and where each value came from."""
