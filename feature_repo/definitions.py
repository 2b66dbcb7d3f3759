"""The one file Feast scans (see .feastignore): entities, views and services of this shop.

Built from the declarations by ``feature_repo/views.py``. ``PYTHONPATH=. feast -c feature_repo
apply`` from the project root registers them; flows call ``feature_repo.store.apply``, which
registers the same objects.
"""

from feature_repo import views
from governance.declarations import read_feature_models
from governance.settings import get_settings

_settings = get_settings()
_models = read_feature_models(_settings.dbt_dir)
_entities = views.entities(_models)
_views = views.feature_views(_models, features_dir=_settings.features_dir)
_services = views.feature_services(_views, dbt_dir=_settings.dbt_dir)

# Feast finds objects by looking at this module's names.
globals().update(_entities | _views | _services)
