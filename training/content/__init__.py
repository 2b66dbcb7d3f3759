"""Items that read alike: links from texts, for items that nobody has chosen yet."""
