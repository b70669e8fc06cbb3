"""What renderers say in their logs: versioned rule packs (TOML) and the parser for them."""
