"""Item-to-item co-visitation: what is bought together and next."""
