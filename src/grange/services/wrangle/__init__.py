"""Trouble that needs a person: found, put in clusters, acted on."""
