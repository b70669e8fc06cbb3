"""The books at work: facts are taken in, kept, sealed, counted and checked."""
