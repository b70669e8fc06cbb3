"""What a render farm is: farm objects, work, state machines, facts. Pure; no clock, no I/O."""
