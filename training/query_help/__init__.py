"""What helps a query before and after it is searched: spelling, filters, synonyms, rescue."""
