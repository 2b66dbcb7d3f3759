"""The recommender: retrievers and ranker as one model, the same in evaluation and serving."""
