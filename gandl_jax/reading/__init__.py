"""What trainings and embeddings read of a prepared screen: order, batches, tiles."""
