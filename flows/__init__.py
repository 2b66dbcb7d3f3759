"""Flows: Prefect flows, the command line and the importers. Order, retries, records; no logic."""
