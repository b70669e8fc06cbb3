"""Every table and measure of the books, declared once.

From these declarations come the storage schema, the validation of rows, the rollups and the page
`docs/books-tables.md`.
"""
