"""A studio's past on virtual time: the real services and books, with models of renderers.

What people and machines do is made up from a seed. What becomes of it is decided by the owner loop
and its state machines, one command after the other, and booked as on any other farm.
"""
