"""Feast plug-ins: the offline store, online store and materialisation engine of our own."""
