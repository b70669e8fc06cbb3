"""`python -m grange` is the command `grange`."""

from grange.cli.main import main

main()
