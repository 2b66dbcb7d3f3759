"""Personal data in text: found by patterns and a tagger, masked in its own format, counted."""
