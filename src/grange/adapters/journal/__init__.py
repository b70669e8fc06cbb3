"""The journal as files: `<first sequence>.journal`, appended to by one process, read by any."""
