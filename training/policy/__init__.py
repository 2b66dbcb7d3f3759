"""After ranking: what a surface hides, spreads, rests and tries out, each with its reason."""
