"""What a shopper wants of a shop: to buy, to learn, to compare, or nothing it has."""
