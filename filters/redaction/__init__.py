"""Find addresses, keys and passwords in texts, and put placeholders in their place."""
