"""Committed rows as the wire shows them. Reads never ask the owner's memory."""
