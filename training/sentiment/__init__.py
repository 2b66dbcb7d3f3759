"""What a review says: whether its writer would buy again, and what of fit, fabric or price."""
