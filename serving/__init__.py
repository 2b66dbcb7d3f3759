"""Serving: KServe predictors, request and response types, online reading."""
