"""The command that shows what is said for a text, and why."""

from __future__ import annotations

import pytest

from telephony.tools import normalize


def test_every_rule_that_changes_a_sentence_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert normalize.main(["Dr. Lee has **2** slots. Call 555-0147."]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "layout  Dr. Lee has 2 slots.",
        " title  Doctor Lee has 2 slots.",
        "number  Doctor Lee has two slots.",
        "Doctor Lee has two slots.",
        "code  Call five five five, zero one four seven.",
        "Call five five five, zero one four seven.",
    ]


def test_the_language_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert normalize.main(["2", "--language", "fr-FR"]) == 0
    assert capsys.readouterr().out.splitlines() == ["number  deux", "deux"]
    assert normalize.main(["2", "--language", "ja-JP"]) == 0
    assert capsys.readouterr().out.splitlines() == ["2"]


def test_a_text_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        normalize.main([])
    assert ended.value.code == 2
    assert "TEXT" in capsys.readouterr().err
