"""One fine-tuning engine for every text task: a head on an encoder, learned in one loop."""
