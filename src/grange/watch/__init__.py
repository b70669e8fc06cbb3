"""Checks of the farm, alerts, backup and restore."""
