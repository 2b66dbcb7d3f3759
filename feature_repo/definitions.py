"""The services of this shop, and the one file that Feast scans (see .feastignore).

``SERVICES`` is the only list here: which features a model reads, by name and in order. A service is
immutable once a bundle names it: add ``recommender_v4`` rather than edit ``recommender_v3``.
Entities and views are built from the declarations, and only when Feast asks for them, so that
training and serving read ``SERVICES`` without Feast's slow import. ``PYTHONPATH=. feast -c
feature_repo apply`` from the project root, with the variables of ``counterfoil config --export``,
registers all of it, and so do flows.
"""

from functools import cache

# service -> view -> features; the order here is the order of columns everywhere after.
SERVICES: dict[str, dict[str, tuple[str, ...]]] = {
    "recommender_v1": {
        "ftr_user__purchases": (
            "user__order_count",
            "user__order_count_7d",
            "user__order_count_28d",
            "user__order_count_90d",
            "user__line_count_28d",
            "user__spend_sum_usd_7d",
            "user__spend_sum_usd_28d",
            "user__spend_sum_usd_90d",
            "user__discount_sum_usd_28d",
            "user__return_count_90d",
            "user__basket_lines_mean_90d",
        ),
        "ftr_user__engagement": (
            "user__session_count_28d",
            "user__search_count_28d",
            "user__impression_count_28d",
            "user__view_count_7d",
            "user__view_count_28d",
            "user__view_count_90d",
            "user__cart_count_28d",
            "user__view_rate_28d",
            "user__cart_rate_28d",
        ),
        "ftr_item__sales": (
            "item__order_count",
            "item__order_count_7d",
            "item__order_count_28d",
            "item__order_count_90d",
            "item__user_distinct_28d",
            "item__quantity_sum_28d",
            "item__spend_sum_usd_7d",
            "item__spend_sum_usd_28d",
            "item__spend_sum_usd_90d",
            "item__return_count_90d",
        ),
        "ftr_item__price": (
            "item__price_last_usd",
            "item__price_mean_usd_28d",
            "item__price_mean_usd_90d",
            "item__discount_rate_28d",
            "item__promotion_store_count_7d",
        ),
        "ftr_item__engagement": (
            "item__impression_count_28d",
            "item__view_count_7d",
            "item__view_count_28d",
            "item__view_count_90d",
            "item__cart_count_28d",
            "item__view_rate_28d",
            "item__cart_rate_28d",
        ),
    },
}

# What recommender_v1 reads, and what the user's last query wanted. Users' columns come first.
_BEFORE = SERVICES["recommender_v1"]
SERVICES["recommender_v2"] = {
    **{view: names for view, names in _BEFORE.items() if view.startswith("ftr_user__")},
    "ftr_user__text": (
        "user__search_buy_last",
        "user__search_learn_last",
        "user__search_compare_last",
        "user__search_out_of_shop_last",
    ),
    **{view: names for view, names in _BEFORE.items() if view.startswith("ftr_item__")},
}

# What recommender_v2 reads, and what the shop has of an item.
SERVICES["recommender_v3"] = {
    **SERVICES["recommender_v2"],
    "ftr_item__stock": ("item__on_hand_last_28d", "item__out_of_stock_rate_28d"),
}


def __dir__() -> list[str]:
    """Feast looks at every name that this module has."""
    return sorted(_feast_objects())


def __getattr__(name: str) -> object:
    """An entity, view or service by its name, built when first asked for."""
    if name.startswith("_") or name not in _feast_objects():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _feast_objects()[name]


@cache
def _feast_objects() -> dict[str, object]:
    from feature_repo import views
    from governance.declarations import read_feature_models
    from governance.settings import get_settings

    settings = get_settings()
    models = read_feature_models(settings.dbt_dir)
    tables = views.feature_views(models, features_dir=settings.features_dir)
    services = views.feature_services(tables, dbt_dir=settings.dbt_dir)
    return {**views.entities(models), **tables, **services}
