"""What titles and queries say, as a few numbers that feature tables can hold."""
