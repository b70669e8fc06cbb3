"""Grange from Python: jobs, workers and books, typed."""
