"""Words that a listing lacks and that shoppers use: proposed with evidence, measured by search."""
