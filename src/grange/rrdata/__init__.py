"""An exported folder in the shape that Royal Render's scripts know."""
