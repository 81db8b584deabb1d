"""What a record is, where records come from, how they lie on disk, how they become tokens."""
