"""What the import says of a table's columns."""
