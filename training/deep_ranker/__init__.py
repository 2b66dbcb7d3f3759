"""The deep ranker: DCN-v2 with heads for click, cart and purchase."""
