"""Reading of prepared screens for training and embedding: order, batches, tiles."""
