"""Calibration: from a ranker's score to the probability that the item is in the next basket."""
