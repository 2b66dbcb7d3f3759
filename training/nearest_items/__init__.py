"""The items whose vectors lie nearest: exactly, or by a graph in very large shops."""
