"""What every token model shares: batches, pooling, long sequences."""
