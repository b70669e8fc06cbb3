"""Growing logs: cursors over files, formats of renderers and servers."""
