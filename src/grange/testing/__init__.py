"""Builders, conformance suites and stand-ins that other programs may test against too."""
