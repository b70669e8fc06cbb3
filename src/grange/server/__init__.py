"""The server's door: Deadline Cloud's API, the REST API, live events and the page on one port."""
