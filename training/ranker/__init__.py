"""The ranker: LightGBM LambdaMART over retriever and feature-store columns."""
