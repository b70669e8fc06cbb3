"""The vocabulary every other package shares: time, ids, units, spans, errors."""
