"""A small made-up catalogue in which every defect can be planted; for tests of listings."""

import numpy as np

from training.listing_quality.listing import Listing

BRANDS = ("Acme", "Borealis", "Cobalt", "Dynamo", "Eureka", "Fjord", "Granite", "Helios")
THINGS = ("toner cartridge", "patch cable", "laser printer", "optical mouse", "memory module")
SHEETS = {
    "toner cartridge": ("page yield", "printing colours", "type"),
    "patch cable": ("cable length", "connector", "shielding"),
    "laser printer": ("print speed", "paper tray", "duplex"),
    "optical mouse": ("buttons", "resolution", "hand orientation"),
    "memory module": ("internal memory", "memory type", "clock speed"),
}


def catalogue(count=500, seed=0):
    draw = np.random.default_rng(seed)
    return [listing(number, draw) for number in range(count)]


def listing(number, draw):
    brand, thing = str(draw.choice(BRANDS)), str(draw.choice(THINGS))
    size = f"{draw.integers(1, 9) * 10} {'m' if 'cable' in thing else 'GB'}"
    series = str(draw.choice(["Standard", "Premium", "Compact", "Professional", "Classic"]))
    use = str(draw.choice(["office desktop", "network cabinet", "business notebook"]))
    return Listing(
        str(number),
        f"{brand} {series} {thing} {size} for {use} black",
        f"{series} {thing} with {size}, made for the {use}",
        brand,
        attributes=tuple((name, "1") for name in SHEETS[thing]),
    )
