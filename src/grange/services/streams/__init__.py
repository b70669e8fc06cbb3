"""Streams on the server: log lines, logged values, archives and graphs of them."""
