"""Feature sets: the table, where it is stored, aggregation, normalisation."""
