"""Which channel matters for a label? See `job`."""
