"""What graphs of streams are called, which spans pages show, and how finely: pure arithmetic."""
