"""The name of what the exporter writes; the script itself carries its own copy."""

FORMAT = "grange-past"
VERSION = 1
