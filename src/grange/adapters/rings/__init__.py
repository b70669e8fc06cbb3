"""Rings as files."""
