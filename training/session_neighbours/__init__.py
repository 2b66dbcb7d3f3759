"""Similar earlier sessions, and what came next in them."""
