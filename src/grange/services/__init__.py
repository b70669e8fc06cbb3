"""What the farm does for its callers: the owner loop, reads, identity, facts in."""
