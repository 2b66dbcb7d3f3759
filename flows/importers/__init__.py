"""Importers: turn a shop's own files into the raw tables of the shop contract.

In flows because reading and writing is edge work. ``registry.import_shop`` is the way in; one
module per shop says how its columns become raw columns, and ``landing`` writes them once.
"""
