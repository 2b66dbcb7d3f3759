"""A linear model of the whole catalogue in closed form (EASE)."""
