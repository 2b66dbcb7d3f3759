"""A shop of generated feature tables, applied and materialised, for the tests of the feature store.

Each module has its own, so that one may write what another must not see.
"""

import pytest
from sample_features import AS_OF, write_features

from governance.settings import Settings


@pytest.fixture(scope="session")
def store_api():
    """``feature_repo.store``, which imports Feast: only when a test runs that needs it."""
    from feature_repo import store

    return store


@pytest.fixture(scope="module")
def applied_shop(tmp_path_factory, store_api):
    """Settings, and Feast's store with every declaration applied; nothing is online."""
    settings = Settings(home=tmp_path_factory.mktemp("shop"))
    write_features(settings, seed=0)
    return settings, store_api.apply(settings)


@pytest.fixture(scope="module")
def online_shop(applied_shop, store_api):
    """The same, materialised as of ``AS_OF``."""
    settings, store = applied_shop
    store_api.materialise(settings, as_of=AS_OF)
    return settings, store
