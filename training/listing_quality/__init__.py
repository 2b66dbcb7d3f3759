"""Whether a listing is good, what is wrong with it, and the words that show it."""
