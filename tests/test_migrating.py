"""What `docs/migrating.md` promises to who comes from an earlier service is what the code does."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from telephony.cache.prerender import PhraseRequest, load_requests
from telephony.engines.tone import ToneEngine
from telephony.settings import IGNORED, Settings, gateway_config, parse
from telephony.settings.fields import shown_variables
from telephony.voices import VoiceRequest
from tests.clients import ROOT
from tests.conftest import StartService

PAGE = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


def rows(*headings: str) -> list[list[str]]:
    """The cells of the table with these headings."""
    (table,) = re.findall(rf"^\| {re.escape(' | '.join(headings))} \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_each_variable_of_earlier_services_has_its_row() -> None:
    works = {codes(row[0])[0]: codes(row[1])[0] for row in rows("Earlier variable", "Here", "Meaning")}
    fields = FIELDS.values()
    renamed = {field.metadata["earlier"]: shown_variables(field)[0] for field in fields if field.metadata["earlier"]}
    kept = {name: name for name in ("API_KEY", "LOG_LEVEL", "PIPER_MODEL_PATH")}
    assert works == {**renamed, **kept}
    assert set(kept) < {name for field in fields for name in shown_variables(field)}


def test_each_needless_variable_has_its_row() -> None:
    named = [name for row in rows("Earlier variable", "Why it is needless") for name in codes(row[0])]
    assert sorted(named) == sorted(name for name in IGNORED if not name.startswith(("--", "KOKORO_")))


def test_the_configuration_of_the_page_is_read_as_the_page_says(tmp_path: Path) -> None:
    (content,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "config.yaml"
    path.write_text(content, encoding="utf-8")
    command = parse([], {"KOKORO_PRERENDER_FILE": str(path)})
    assert command.ignored == {}
    assert command.settings.piper_model == Path("/models/ru_RU-irina-medium.onnx")
    assert command.settings.phrase_directory == Path("/var/cache/gateway/prerendered")
    assert command.settings.redis_ttl_s == 86_400
    assert load_requests(path)[1:] == [PhraseRequest("One moment, please.")]
    table = {codes(row[0])[0]: codes(row[1]) for row in rows("Key", "Here", "Meaning")}
    assert {key for key in table if key in gateway_config.SETTINGS} == set(gateway_config.SETTINGS)
    for key, variable in table.items():
        if variable:
            assert shown_variables(FIELDS[gateway_config.SETTINGS[key]])[0] == variable[0]


def test_each_method_of_the_database_has_its_row() -> None:
    header = (ROOT / "examples" / "kokoro_database.hpp").read_text(encoding="utf-8")
    methods = re.findall(r"^    (\S+ [gs]et_\w+)\((?:const )?([\w:]*)", header, re.MULTILINE)
    assert len(methods) == 6
    assert [f"{name}({argument})" for name, argument in methods] == [
        codes(row[0])[0] for row in rows("Method of `KokoroDatabase`", "Key", "Meaning")
    ]


@pytest.mark.parametrize(("alias", "other"), [("female", "male"), ("male", "female")])
def test_the_operator_says_who_female_and_male_are(service: StartService, alias: str, other: str) -> None:
    engine = ToneEngine(voice_names=("af_sky", "af_aoede", "am_michael", "bm_george"))
    default = service(engine)
    settings: dict[str, Any] = {f"{alias}_voice": "bm_george"}
    own = service(engine, **settings)
    assert own.sessions.find(VoiceRequest(alias)).voice == "bm_george"
    assert default.sessions.find(VoiceRequest(alias)).voice != "bm_george"
    assert own.sessions.find(VoiceRequest(other)) == default.sessions.find(VoiceRequest(other))
