"""The machine this program runs on: its clock, its randomness, its processes and its sensors."""
