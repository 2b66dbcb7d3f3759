"""Which listings are of the same product, with a probability and what speaks for and against."""
