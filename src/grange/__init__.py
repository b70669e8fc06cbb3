"""Grange: a self-hosted render farm that keeps its own books."""
