"""Which shop a home folder holds: the one imported last, unless a setting names another."""

import json

from governance.errors import InputError
from governance.files import write_json
from governance.settings import SHOPS, Settings, get_settings


def active_settings(*, shop: str | None = None) -> Settings:
    """The settings of this run: ``shop`` if given, else COUNTERFOIL_SHOP, else the home's own."""
    settings = get_settings()
    if shop is not None:
        return with_shop(settings, shop)
    if "shop" in settings.model_fields_set:
        return settings
    return with_shop(settings, _chosen(settings).get("shop") or settings.shop)


def with_shop(settings: Settings, shop: str) -> Settings:
    """A copy of the settings for ``shop``; InputError for a name that is no shop."""
    if shop not in SHOPS:
        raise InputError(
            f"unknown shop {shop}",
            where=f"shop {shop}",
            why=f"the shops are {', '.join(SHOPS)}",
            next_step=f"counterfoil import {SHOPS[0]}",
        )
    return settings.model_copy(update={"shop": shop})


def source_of(settings: Settings) -> str | None:
    """The file or address that the home's shop was last imported from, if it was given one."""
    chosen = _chosen(settings)
    return chosen.get("source") if chosen.get("shop") == settings.shop else None


def remember_shop(settings: Settings, source: str | None) -> None:
    """Make this shop and source the ones that later runs of this home go on with."""
    write_json(settings.home_dir / "shop.json", {"shop": settings.shop, "source": source})


def _chosen(settings: Settings) -> dict[str, str]:
    try:
        chosen = json.loads((settings.home_dir / "shop.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {k: v for k, v in chosen.items() if isinstance(v, str)}
