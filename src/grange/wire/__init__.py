"""The AWS protocols Deadline Cloud clients speak, without sockets."""
