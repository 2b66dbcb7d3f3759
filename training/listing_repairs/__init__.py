"""Repairs of listings: proposals with reason and confidence, made by rules, applied by people."""
