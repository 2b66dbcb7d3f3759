"""Training: point-in-time training sets, one folder per model, metrics, bundles."""
