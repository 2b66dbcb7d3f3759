"""An encoder is loaded from safetensors only, and gives a text the same vector in any company."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hostile_texts import ODD_TEXTS
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder

WORDS = ("apple", "juice", "red", "shoe", "##s", "of", "leather")
_ROUNDING = 0.02  # of a cosine, where bfloat16 with its 8 bits is multiplied


class _WritesWhenRead:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"), WORDS)


@pytest.fixture(scope="module")
def encoder(folder):
    return load_encoder(str(folder))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_pickled_weights_are_refused_before_they_are_read(tmp_path, name):
    folder = tiny_checkpoint(tmp_path / "tiny", WORDS)
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(_WritesWhenRead(tmp_path / "was_read")))
    with pytest.raises(InputError, match="no weights as safetensors") as refused:
        load_encoder(str(folder))
    assert refused.value.where.endswith(name)
    assert not (tmp_path / "was_read").exists()


def test_an_index_that_leads_to_pickled_weights_is_refused_before_they_are_read(tmp_path):
    folder = tiny_checkpoint(tmp_path / "tiny", WORDS)
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    (folder / "shard.bin").write_bytes(pickle.dumps(_WritesWhenRead(tmp_path / "was_read")))
    index = {"metadata": {}, "weight_map": {"pooler.dense.bias": "shard.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="no weights as safetensors"):
        load_encoder(str(folder))
    assert not (tmp_path / "was_read").exists()


def test_an_adapter_beside_safetensors_is_refused_before_its_pickle_is_read(tmp_path):
    folder = tiny_checkpoint(tmp_path / "tiny", WORDS)
    adapter = {"peft_type": "LORA", "base_model_name_or_path": str(folder), "r": 2}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(_WritesWhenRead(tmp_path / "was_read")))
    with pytest.raises(InputError, match="an adapter's") as refused:
        load_encoder(str(folder))
    assert "merge" in refused.value.next_step
    assert not (tmp_path / "was_read").exists()


def test_code_that_comes_with_a_checkpoint_is_not_run(tmp_path):
    folder = tiny_checkpoint(tmp_path / "tiny", WORDS)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoModel": "own.Own", "AutoConfig": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')")
    with pytest.raises(InputError, match="no encoder can be loaded"):
        load_encoder(str(folder))
    assert not (tmp_path / "was_run").exists()


def test_a_folder_without_a_config_or_a_file_is_no_checkpoint(tmp_path):
    (tmp_path / "a_file").write_text("x")
    for place in (tmp_path, tmp_path / "a_file"):
        with pytest.raises(InputError, match="is no checkpoint"):
            load_encoder(str(place))


def test_the_digest_names_weights_and_words(folder, encoder, tmp_path):
    assert load_encoder(str(folder)).digest == encoder.digest
    same = tiny_checkpoint(tmp_path / "same", WORDS)
    other = tiny_checkpoint(tmp_path / "other", (*WORDS, "pear"))
    assert load_encoder(str(same)).digest == encoder.digest
    assert load_encoder(str(other)).digest != encoder.digest


def test_a_text_has_the_same_vector_in_any_company(encoder):
    texts = ["apple", "juice of red apples", "", "red leather shoes of red leather", "shoe"] * 9
    vectors = encoder.embed(texts)
    turned = encoder.embed(texts[::-1], batch=4)[::-1]
    assert np.abs(vectors - turned).max() < _ROUNDING
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths, [float(bool(text)) for text in texts], atol=1e-5)


def test_odd_texts_have_finite_vectors_and_what_is_unseen_changes_nothing(encoder):
    vectors = encoder.embed(list(ODD_TEXTS.values()))
    assert np.isfinite(vectors).all()
    seen, unseen = encoder.embed(["apple juice", ODD_TEXTS["zero width"]])
    assert np.abs(seen - unseen).max() < _ROUNDING


def test_no_texts_have_no_vectors(encoder):
    assert encoder.embed([]).shape == (0, encoder.width)


_DIGEST_OF = """
import sys
from training.encoder.checkpoint import load_encoder
print(load_encoder(sys.argv[1]).digest)
"""


def _from_hub(name, cache):
    """In a process of its own: the hub's client reads its settings once, when it is imported."""
    return subprocess.run(
        [sys.executable, "-c", _DIGEST_OF, name],
        cwd=PROJECT_ROOT, env=os.environ | {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_hubs_id_is_the_checkpoint_of_that_name_and_an_unknown_one_is_named(encoder, tmp_path):
    kept, revision = tmp_path / "models--shop--tiny", "0" * 40
    tiny_checkpoint(kept / "snapshots" / revision, WORDS)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(revision)
    found = _from_hub("shop/tiny", tmp_path)
    assert found.stdout.strip() == encoder.digest, found.stderr
    refused = _from_hub("shop/unknown", tmp_path)
    assert "InputError" in refused.stderr
    assert "no encoder can be loaded from shop/unknown" in refused.stderr


@pytest.mark.pipeline
def test_the_encoder_of_the_lock_loads_without_a_network_and_knows_likeness():
    encoder = load_encoder()
    apple, juice, shoe = encoder.embed(["apple juice", "juice made of apples", "leather shoes"])
    assert encoder.width == 384
    assert apple @ juice > apple @ shoe + 0.2
