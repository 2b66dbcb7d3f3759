"""The shopper simulator: search and click logs around real baskets. Start at ``simulate.py``."""
