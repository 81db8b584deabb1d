"""How ranks share a model and its state."""
