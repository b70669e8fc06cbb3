"""Job history: one record for each layer that was ever submitted (ledger S0-41 to S0-55)."""
