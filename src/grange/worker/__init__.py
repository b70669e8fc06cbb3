"""The agent on a machine that renders, and its runner: one process per job thread."""
