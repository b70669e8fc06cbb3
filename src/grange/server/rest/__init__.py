"""Grange's own REST API under /api/v1: what the Deadline Cloud API has no words for."""
