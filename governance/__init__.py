"""Governance: settings, errors, contracts, records and reports. The leaf room: imports no other."""
