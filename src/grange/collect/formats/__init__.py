"""What logs look like: bytes in, columns out, never a loop over lines."""
