"""The file of the lexicon: what is wrong in it is named with its line, and what is right in it stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from telephony.text.lexicon import Entry, LexiconError, entry
from telephony.tools import lexicon as command
from telephony.voices import lexicon_file
from telephony.voices.lexicon_file import LexiconFile
from tests.clients import ROOT, EventLog

GOOD = """\
# People
- word: Nguyen  # of sales
  alias: win

# Codes
- word: 911
  alias: nine one one
- {word: NO, ipa: /nˈO/, language: en, case_sensitive: yes}
"""
ENTRIES: tuple[Entry, ...] = (
    Entry("Nguyen", "win"),
    Entry("911", "nine one one"),
    Entry("NO", ipa="nˈO", language="en", case_sensitive=True),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "lexicon.yaml"
    written.write_text(GOOD, encoding="utf-8")
    return written


def test_a_text_is_taken_as_it_stands(path: Path) -> None:
    assert tuple(lexicon_file.read(path)) == ENTRIES
    path.write_text("# nothing yet\n")
    assert lexicon_file.read(path) == []


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("- word: a\n  alias: b\n- word: c\n", 3, "an alias, or ipa"),
        ("- word: a\n  alis: b\n", 1, "'alis'"),
        ("- word: a\n  alias: b\n\n- word: A\n  alias: c\n", 4, "line 1 already"),
        ("- word: a\n  alias: [b]\n", 1, "alias is a text"),
        ("- word: a\n  alias: b\n  alias: c\n", 1, "twice"),
        ("- word: a\n  alias: b\n  case_sensitive: maybe\n", 1, "true or false"),
        ("- word: a\n  alias: [b\n- c: d", 3, "not YAML"),
        ("- just a word\n", 1, "mapping"),
        ("word: a\nalias: b\n", 1, "a list"),
        ("# e\n\xe9", 2, "UTF-8"),
    ],
)
def test_an_error_is_refused_with_its_line_and_the_last_good_one_stays(
    path: Path, events: EventLog, text: str, line: int, why: str
) -> None:
    file = LexiconFile(path)
    file.follow()
    path.write_bytes(text.encode("latin-1") if why == "UTF-8" else text.encode())
    file.follow()
    file.follow()
    assert file.lexicon.entries == ENTRIES
    assert f"line {line}:" in file.complaint
    assert why in file.complaint
    assert len(events.found("lexicon_refused")) == 1
    path.write_text("- {word: a, alias: b}")
    file.follow()
    assert list(file.lexicon.entries) == [Entry("a", "b")]
    assert not file.complaint


def test_a_file_may_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "later.yaml"
    file = LexiconFile(path)
    file.follow()
    assert not list(file.lexicon.entries)
    assert not file.complaint
    path.write_text(GOOD, encoding="utf-8")
    file.follow()
    assert file.lexicon.entries == ENTRIES
    path.unlink()
    file.follow()
    assert not list(file.lexicon.entries)


def test_a_file_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon_file, "MAX_ENTRIES", 3)
    file = LexiconFile(path)
    file.put(entry("nguyen", "new yen"))  # in place of another
    with pytest.raises(LexiconError, match="3 entries"):
        file.put(entry("Wu", "woo"))
    monkeypatch.setattr(lexicon_file, "MAX_ENTRIES", 2)
    with pytest.raises(LexiconError, match="2 entries"):
        lexicon_file.read(path)
    monkeypatch.setattr(lexicon_file, "MAX_BYTES", 20)
    with pytest.raises(LexiconError, match="20 bytes"):
        lexicon_file.read(path)


def test_a_change_leaves_the_rest_as_it_was(path: Path) -> None:
    file = LexiconFile(path)
    file.put(entry("Wu", "woo"))
    assert path.read_text(encoding="utf-8") == GOOD + "- word: Wu\n  alias: woo\n"
    file.put(entry("NGUYEN", "new yen"))
    assert file.remove("911") == 1
    assert file.remove("911") == 0
    assert file.remove("NO") == 0  # it is one for English
    written = path.read_text(encoding="utf-8")
    assert written.startswith("# People\n- word: NGUYEN\n  alias: new yen\n\n# Codes\n- {word: NO")
    file.follow()
    assert file.lexicon.entries == (Entry("NGUYEN", "new yen"), ENTRIES[2], Entry("Wu", "woo"))


INDENTED = "  - word: a\n    alias: b\n  - word: c\n    alias: d"


@pytest.mark.parametrize("text", ["[{word: a, alias: b}, {word: c, alias: d}]\n", INDENTED])
def test_a_file_of_another_form_is_written_anew(path: Path, text: str) -> None:
    path.write_text(text)
    file = LexiconFile(path)
    file.put(entry("e", "f"))
    file.put(entry("c", "x"))
    assert file.remove("a") == 1
    file.follow()
    assert file.lexicon.entries == (Entry("c", "x"), Entry("e", "f"))


def test_writers_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.yaml"
    words = [f"w{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda word: LexiconFile(path).put(entry(word, "x")), words))
    assert sorted(each.word for each in lexicon_file.read(path)) == sorted(words)


def test_the_lexicon_of_the_page_is_one(path: Path) -> None:
    page = (ROOT / "docs" / "pronunciation.md").read_text(encoding="utf-8")
    path.write_text(page.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    assert len(lexicon_file.read(path)) == 5


# The command line


def run(path: Path, *arguments: str) -> int:
    return command.main(arguments, {"KOKORO_LEXICON": str(path)})


def test_the_command_line_keeps_a_lexicon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lexicon.yaml"
    assert run(path, "add", "Nguyen", "win") == 0
    assert run(path, "add", "Acme", "--ipa", "/ˈækmi/", "--language", "en", "--case-sensitive") == 0
    assert run(path, "list") == 0
    assert run(path, "check") == 0
    assert run(path, "check", "Dr. Nguyen and Acme [pause:1s] are 2.") == 0
    assert run(path, "remove", "Nguyen") == 0
    assert run(path, "remove", "Nguyen") == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Nguyen = win",
        "Acme = /ˈækmi/ (en, case-sensitive)",
        "Nguyen = win",
        "Acme = /ˈækmi/ (en, case-sensitive)",
        f"{path}: 2 entries, none of them wrong",
        "Doctor win and /ˈækmi/",
        "are two.",
    ]
    assert err == f"error: {path} has no 'Nguyen' in that language\n"


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lexicon.yaml"
    path.write_text("- word: a\n  alias: b\n- word: c\n")
    assert run(path, "check") == 1
    assert run(path, "add", "x", "y") == 1
    assert run(path, "add", "x") == 1
    assert run(tmp_path / "none.yaml", "list") == 1
    assert command.main(["list"], {}) == 1
    errors = capsys.readouterr().err.splitlines()
    assert f"{path}, line 3" in errors[0] and f"{path}, line 3" in errors[1]
    assert "alias" in errors[2] and "none.yaml" in errors[3] and "KOKORO_LEXICON" in errors[4]
    assert len(errors) == 5
