"""Many retrievers, one list: by rule, by distance, by a learned ranker."""
