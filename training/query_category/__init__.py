"""Which of the catalogue's categories a query is about, or that none is sure."""
