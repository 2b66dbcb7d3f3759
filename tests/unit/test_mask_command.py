"""``counterfoil mask``: one key a home, a saved tagger that finds what it found, clear refusals."""

import json
from pathlib import Path

import pytest
import torch
from tiny_encoder import tiny_checkpoint
from typer.testing import CliRunner

from flows.cli import app
from flows.masking import finder_of_home, key_of_home
from governance.errors import InputError
from governance.settings import Settings
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.personal_data.alignment import CAPITAL
from training.personal_data.teach import finder_of, teach
from training.text_bundle import save_text_bundle

RAW = "Ask ana@example.com or pay with 4111 1111 1111 1111"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> Settings:
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    return Settings(home=tmp_path / "home")


def _asked(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["mask", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_text_and_a_line_of_a_file_get_the_same_mask_of_the_same_form(
    home: Settings, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_text(f"{RAW}\nblue mug\n", encoding="utf-8")
    (masked,) = _asked(RAW).splitlines()
    assert _asked("--file", str(tmp_path / "texts.txt")).splitlines() == [masked, "blue mug"]
    assert len(masked) == len(RAW)
    assert "ana@" not in masked
    assert "4111" not in masked
    told = json.loads(_asked(RAW, "--json"))
    assert [span["kind"] for span in told[0]["masked"]] == ["EMAIL_ADDRESS", "CREDIT_CARD"]
    assert (home.home_dir / "masking.key").stat().st_mode & 0o077 == 0
    assert key_of_home(home) == key_of_home(home)


def test_a_line_is_what_an_editor_counts_and_an_empty_one_stays(
    home: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text(f"a\u2028b\x0c{RAW}\n\nlast", encoding="utf-8")
    assert len(_asked("--file", str(path)).removesuffix("\n").split("\n")) == 3


def test_what_would_not_be_read_to_its_end_is_refused(home: Settings, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text(f"short\n{'x' * 1_000_001}", encoding="utf-8")
    result = CliRunner().invoke(app, ["mask", "--file", str(path)])
    assert isinstance(result.exception, InputError)
    assert "text 2" in str(result.exception)


@pytest.mark.parametrize("arguments", [(), (RAW, "--file", "texts.txt")])
def test_a_text_or_a_file_is_asked_for(home: Settings, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["mask", *arguments])
    assert isinstance(result.exception, InputError)


def test_there_is_nothing_to_learn_from_without_a_file_of_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sentences"):
        teach(None, encoder=None, knobs=FineTuning(), checkpoint=None, progress=print, watch=print)


@pytest.mark.pipeline
def test_a_saved_tagger_finds_what_it_found_before(home: Settings, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    words = ["my", "name", "is", "thanks", "please", CAPITAL]
    encoder = load_encoder(str(tiny_checkpoint(tmp_path / "tiny", words)))
    span = {"entity_type": "PERSON", "start_position": 11}
    rows = [
        {"full_text": f"my name is {n} thanks", "template_id": at,
         "spans": [span | {"end_position": 11 + len(n)}]}
        for at, n in enumerate(("Ana", "Bo", "Eno", "Nao", "Ena", "Oan") * 6)
    ]  # fmt: skip
    (tmp_path / "sentences.json").write_text(json.dumps(rows), encoding="utf-8")
    knobs = FineTuning(epochs=2, batch=64, learning_rate=3e-3)
    taught = teach(
        tmp_path / "sentences.json", encoder=encoder, knobs=knobs, checkpoint=None,
        progress=lambda _: None, watch=lambda _: None,
    )  # fmt: skip
    save_text_bundle(home.bundles_dir, taught, facts={})
    texts = ["my name is Neo thanks", "my name is Ana", RAW]
    assert finder_of_home(home).find(texts) == finder_of(taught.model).find(texts)
