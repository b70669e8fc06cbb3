"""The long form of tests/property/test_books_whole.py: every odd day."""

from tests.property.test_books_whole import *  # noqa: F403
