"""Feature repository: what Feast scans (definitions.py) and how the other rooms reach it."""
