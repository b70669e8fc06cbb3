"""Archives: rings of fixed size, and the arithmetic that fills them."""
