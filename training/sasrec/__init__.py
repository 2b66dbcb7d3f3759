"""A small SASRec over baskets."""
