"""A prepared screen: its shards, manifest and description, written and read."""
