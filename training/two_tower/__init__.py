"""A tower over an item's text and a tower over a user's items: for items nobody has had yet."""
