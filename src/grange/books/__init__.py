"""The books: the catalog of tables, the questions asked of them, accounts and tiles. Pure."""
