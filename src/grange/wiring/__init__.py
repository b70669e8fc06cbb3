"""Where everything meets: the only package that builds programs out of their parts."""
