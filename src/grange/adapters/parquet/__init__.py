"""Blocks and rollups as Parquet files."""
