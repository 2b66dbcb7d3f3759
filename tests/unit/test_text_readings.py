"""A text is read once: what is kept by content is not read again, also after a kill."""

import pytest
from tiny_encoder import tiny_checkpoint

from flows import text_readings
from flows.text_readings import open_reader, read_anew, text_digest
from governance.errors import StateError
from governance.settings import Settings

WORDS = ("milk", "oat", "tea", "green", "bread")
TITLES = tuple(f"{one} {other}" for one in WORDS for other in WORDS)
QUIET = lambda text: None  # noqa: E731


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), WORDS))


@pytest.fixture
def settings(tmp_path, checkpoint):
    return Settings(home=tmp_path, encoder=checkpoint, threads=1)


def count_reads(monkeypatch):
    """Every text that is read from now on."""
    read, inner = [], text_readings.read_texts

    def counted(texts, *rest):
        read.extend(texts)
        return inner(texts, *rest)

    monkeypatch.setattr(text_readings, "read_texts", counted)
    return read


def test_a_text_is_read_once_and_a_new_one_alone(settings, monkeypatch):
    read = count_reads(monkeypatch)
    first = read_anew(open_reader(settings, TITLES, QUIET), [*TITLES, "green"], QUIET)
    assert read == ["green"]  # the titles were read when the axes were fitted
    again = read_anew(open_reader(settings, TITLES, QUIET), [*TITLES, "green", "rye"], QUIET)
    assert read == ["green", "rye"]
    assert {digest: again[digest] for digest in first} == first


def test_later_titles_move_nothing_that_was_read(settings):
    before = read_anew(open_reader(settings, TITLES[:9], QUIET), TITLES[:9], QUIET)
    after = read_anew(open_reader(settings, TITLES, QUIET), TITLES, QUIET)
    assert {digest: after[digest] for digest in before} == before


def test_a_killed_reading_goes_on_after_its_last_file_to_the_same_numbers(
    settings, tmp_path, checkpoint, monkeypatch
):
    monkeypatch.setattr(text_readings, "CHUNK", 4)
    queries = [f"{title} bread" for title in TITLES]
    whole = Settings(home=tmp_path / "whole", encoder=checkpoint, threads=1)
    wanted = read_anew(open_reader(whole, TITLES, QUIET), queries, QUIET)

    def killed(line):
        if line.startswith("8 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_anew(open_reader(settings, TITLES, QUIET), queries, killed)
    read = count_reads(monkeypatch)
    assert read_anew(open_reader(settings, TITLES, QUIET), queries, QUIET) == wanted
    assert len(read) == len(queries) - 8


def test_another_encoder_reads_anew_in_a_folder_of_its_own(settings, tmp_path):
    other = str(tiny_checkpoint(tmp_path / "other", WORDS, layers=1))
    one = open_reader(settings, TITLES, QUIET)
    two = open_reader(settings.model_copy(update={"encoder": other}), TITLES, QUIET)
    assert one.digest != two.digest


def test_a_push_before_any_build_says_what_to_do(settings):
    with pytest.raises(StateError, match="axes of this shop's titles"):
        open_reader(settings)


def test_texts_that_read_alike_are_one():
    assert text_digest("oat\u200b milk") == text_digest(" oat  milk")
    assert text_digest(None) == text_digest("")
