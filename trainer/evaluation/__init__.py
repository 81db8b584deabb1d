"""Models measured on held-out documents, and builds compared by them."""
