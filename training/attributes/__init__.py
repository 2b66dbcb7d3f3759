"""What a listing's text says of its item, as typed attributes with where they were read."""
