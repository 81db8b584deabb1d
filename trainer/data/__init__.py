"""A build's samples as a run's batches."""
