"""Questions to the books, compiled to SQL text over named relations. Pure: nothing is run here."""
