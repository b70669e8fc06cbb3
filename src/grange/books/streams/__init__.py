"""Log streams: their slots, their hours, what is chosen of them."""
