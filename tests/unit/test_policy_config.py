"""The knobs of the surfaces: the file that ships loads, and a wrong one says what is wrong."""

import json
import re
from dataclasses import fields

import pytest

from governance.errors import InputError
from governance.files import canonical_json
from training.policy.config import DEFAULT_FILE, SURFACES, SurfacePolicy, read_policies
from training.recommender.surfaces import SHOWS_OWN_ITEMS


def test_the_file_that_ships_names_every_knob_with_its_effect():
    lines = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()
    explained = {m[1] for line in lines if (m := re.match(r"  (\w+): .+ # \S+", line))}
    assert explained == {knob.name for knob in fields(SurfacePolicy)}


def test_the_file_that_ships_holds_what_the_code_holds_by_default(tmp_path):
    empty = tmp_path / "surfaces.yaml"
    empty.write_text("")
    assert read_policies()["home"] == read_policies(empty)["home"] == SurfacePolicy()


def test_every_surface_has_a_policy_that_a_record_can_hold():
    policies = read_policies()
    assert tuple(policies) == SURFACES == tuple(SHOWS_OWN_ITEMS)
    for policy in policies.values():
        recorded = json.loads(canonical_json(policy.knobs))
        assert SurfacePolicy.from_knobs(recorded) == policy
    assert policies["discover"].knobs["hide_bought_weeks"] == ".inf"


def test_the_digest_tells_policies_apart():
    assert SurfacePolicy().digest == SurfacePolicy().digest
    assert SurfacePolicy().digest != SurfacePolicy(category_cap=1).digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hoem: {}", "hoem"),
        ("home: {lambda: 1}", "home.lambda"),
        ("home: {mmr_lambda: 1.5}", "home.mmr_lambda = 1.5"),
        ("home: {mmr_lambda: true}", "home.mmr_lambda = True"),
        ("home: {mmr_lambda: .nan}", "home.mmr_lambda = nan"),
        ("home: {category_cap: 2.5}", "home.category_cap = 2.5"),
        ("home: {category_cap: -1}", "home.category_cap = -1"),
        ("home: {explore: 1}", "home.explore = 1"),
        ("defaults: {explore_pool: 0}", "defaults.explore_pool = 0"),
        ("home: 3", "home"),
        ("- 1", "mapping"),
    ],
)
def test_a_wrong_knob_is_named(tmp_path, text, says):
    path = tmp_path / "surfaces.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(says)) as refused:
        read_policies(path)
    assert str(path) in str(refused.value)
