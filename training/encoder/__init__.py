"""A transformers checkpoint that reads text; everything in language begins from it."""
