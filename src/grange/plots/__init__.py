"""Columns to pictures: SVG or PNG bytes, drawn by matplotlib.

matplotlib is imported only when a picture is drawn: the base install has none. Drawing is
deterministic: the same columns give the same bytes. matplotlib's settings are global, so a
process draws one picture at a time.
"""
