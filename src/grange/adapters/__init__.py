"""Where Grange meets databases, files, machines and networks; each implements a port."""
