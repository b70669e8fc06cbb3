"""How fast Grange is, beside other programs, in one interleaved run. See README.md."""
