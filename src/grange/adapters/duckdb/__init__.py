"""DuckDB, in this process, over files it does not own."""
