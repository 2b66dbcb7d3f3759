"""Item-based collaborative filtering: items that the same shoppers chose."""
