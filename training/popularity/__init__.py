"""What needs no model: popular items and one's own items."""
