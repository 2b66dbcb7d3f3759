"""A shop's search: its index, the help its queries get, and the order one shopper sees."""
