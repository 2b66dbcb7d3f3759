"""Search by words and by meaning: an index of a catalogue, its fusion, its filters."""
