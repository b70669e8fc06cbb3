"""Suites that every implementation of a port has to pass: one function per promise of the port."""
