"""User-based collaborative filtering: what similar shoppers chose."""
