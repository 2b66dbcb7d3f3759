"""The home's shop as training reads it; apart from the steps, since those import Feast."""

from flows.importers.landing import current_landing
from governance.errors import StateError
from governance.settings import Settings
from training.shop_data import ShopData, load_shop_data


def shop_data(settings: Settings) -> ShopData:
    """The warehouse's orders and impressions, with every landed order line as judge."""
    landing = current_landing(settings.raw_dir, settings.shop, "order_lines")
    if landing is None:
        raise StateError(
            f"raw table order_lines of shop {settings.shop} is missing",
            where=str(settings.raw_dir / settings.shop / "order_lines"),
            why="the landed orders judge the model, and there are none",
            next_step=f"counterfoil import {settings.shop}",
        )
    return load_shop_data(settings.warehouse_path, judge_order_lines=landing.path)
