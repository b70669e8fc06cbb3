"""Checks of streams, logged values and this machine; who is told; the hourly cycle of streams."""
