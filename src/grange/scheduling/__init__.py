"""Who gets which task: a deterministic index over ready layers. Pure: no clock, no I/O."""
