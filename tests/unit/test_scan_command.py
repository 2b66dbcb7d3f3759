"""``counterfoil scan-personal-data``: counts and masked samples of files and tables of any size."""

import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from typer.testing import CliRunner

from flows.cli import app
from flows.importers.landing import land
from flows.scanning import MOST_AT_ONCE, lines_of, scan_files
from governance.errors import GateRefused, InputError, StateError
from governance.settings import Settings
from training.personal_data.model import DIRECT_KINDS, PersonalData

MAIL, CARD = "ana.ruiz@example.com", "4111 1111 1111 1111"
KEY = b"a key of thirty-two bytes for us"


@pytest.fixture
def home(tmp_path, monkeypatch, fresh_settings):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    return Settings(home=tmp_path / "home")


def _scan(*arguments):
    return CliRunner().invoke(app, ["scan-personal-data", *map(str, arguments)])


def _land(settings, table, sql):
    with duckdb.connect() as con:
        land(
            table, sql, con, shop=settings.shop, raw_dir=settings.raw_dir, source="test",
            source_sha256="a", landed_at=datetime(2024, 1, 1, tzinfo=UTC),
        )  # fmt: skip


def _log(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_log_is_counted_by_kind_and_its_raw_values_are_nowhere(home, tmp_path):
    log = _log(tmp_path / "server.log", f"GET /?mail={MAIL}", "GET /", f"paid {CARD}, {MAIL}")
    result = _scan(log, "--json")
    assert result.exit_code == 0
    (scan,) = json.loads(result.stdout)["texts_in"].values()
    assert (scan["count_texts"], scan["count_flagged"]) == (3, 2)
    assert scan["count_by_kind"] == {"CREDIT_CARD": 1, "EMAIL_ADDRESS": 2}
    assert "names are not" in result.stderr
    for output in (result.output, _scan(log).output):
        assert MAIL not in output
        assert CARD not in output


def test_only_with_the_flag_does_a_find_end_in_a_refusal(home, tmp_path):
    found, clean = _log(tmp_path / "a.log", MAIL), _log(tmp_path / "b.log", "oat milk")
    assert _scan(found).exit_code == 0
    assert _scan(clean, "--fail-on-found").exit_code == 0
    error = _scan(clean, found, "--fail-on-found").exception
    assert isinstance(error, GateRefused)
    assert error.exit_code == 1
    assert "1 texts hold personal data" in str(error)
    assert str(clean) not in str(error)


def test_the_shops_titles_descriptions_queries_and_reviews_are_scanned(home):
    _land(home, "items", f"""
        select 'a' as item_id, 'Call +44 7700 900123' as title, null::varchar as description,
            null::varchar as brand, null::varchar as category_path,
            null::varchar as manufacturer_id, null::varchar as package_size,
            1.0::double as price_listed, timestamp '2017-01-01' as listed_at,
            false as is_synthetic
        union all select 'b', 'Lamp', 'Write to {MAIL}', null, null, null, null, 2.0,
            timestamp '2017-01-01', false
    """)  # fmt: skip
    told = json.loads(_scan("--json").stdout)
    found = {name: scan["count_by_kind"] for name, scan in told["texts_in"].items()}
    assert found == {
        "items.title": {"PHONE_NUMBER": 1},
        "items.description": {"EMAIL_ADDRESS": 1},
    }
    assert (told["names_are_found"], told["simulated_tables"]) == (False, [])


def test_a_home_without_texts_and_files_that_are_none_are_refused(home, tmp_path):
    error = _scan().exception
    assert isinstance(error, StateError)
    assert "counterfoil import" in str(error)
    packed, utf_16 = tmp_path / "log.gz", tmp_path / "log.txt"
    packed.write_bytes(b"\x1f\x8b\x08\x00")
    utf_16.write_text(MAIL, encoding="utf-16")
    for path in (packed, utf_16, tmp_path / "absent.log", tmp_path):
        assert isinstance(_scan(path).exception, InputError), path


def test_a_log_of_any_length_is_read_in_little_memory(tmp_path):
    path = tmp_path / "long.log"
    with path.open("w") as log:
        for _ in range(40):
            log.write('{"query": "oat milk"}, ' * 15_000 + MAIL + "\n")
    size = path.stat().st_size
    tracemalloc.start()
    (scan,) = scan_files([path], PersonalData(kinds={"EMAIL_ADDRESS"}), KEY, print).values()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scan.count_by_kind == {"EMAIL_ADDRESS": 40}
    assert peak < size / 2


def test_a_long_line_is_cut_where_no_value_goes_on(tmp_path):
    texts = f"{'x' * (MOST_AT_ONCE - 30)},{CARD};{MAIL}\nlast"
    path = tmp_path / "one.log"
    path.write_text(texts)
    pieces = list(lines_of(path))
    assert "".join(pieces) == texts.replace("\n", "")
    assert [piece for piece in pieces if CARD in piece]
    assert [piece for piece in pieces if MAIL in piece]
    assert pieces[-1] == "last"
    path.write_text("y" * (2 * MOST_AT_ONCE))
    assert [len(piece) for piece in lines_of(path)] == [MOST_AT_ONCE] * 2


@pytest.mark.parametrize("text", [*ODD_TEXTS.values(), *STEERING])
def test_hostile_lines_crash_nothing_and_hide_nothing(tmp_path, text):
    path = tmp_path / "hostile.log"
    path.write_bytes(f"{text} {MAIL}\n".encode(errors="surrogatepass") + b"\xff\xfe\n")
    (scan,) = scan_files([path], PersonalData(kinds=DIRECT_KINDS), KEY, print).values()
    assert scan.count_by_kind["EMAIL_ADDRESS"] == 1
