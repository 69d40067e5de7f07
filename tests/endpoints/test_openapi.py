"""Whatever a client sends to what the OpenAPI page describes, or beside it: no answer is a server error."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from tests.clients import TIMEOUT_S, EventLog
from tests.conftest import StartService

pytestmark = pytest.mark.slow

EXAMPLES = 50
"""Of each operation, valid ones and invalid ones: the whole takes some seconds."""


def test_no_request_is_answered_with_a_server_error(service: StartService, events: EventLog) -> None:
    # None is told to come again later: what is tried here is what is sent, not how much.
    door = service(http_port=0, audiosocket_port=0, max_first_audio_s=0.0)
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{door.http_port}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    paths = {operation.path for operation in operations}
    assert paths >= {"/metrics", "/readyz", "/v1/audio/speech", "/synthesize", "/calls/{call_id}/say"}
    assert paths >= {"/v1/text-to-speech/{voice}", "/v1/speak"}
    for operation in operations:
        # Without a body there is nothing to get wrong: a path is any string.
        for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:

            @hypothesis.settings(
                max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Case[Any]) -> None:
                response = case.call(timeout=TIMEOUT_S)
                case.validate_response(response, checks=[not_a_server_error])

            ask()
    assert events.found("request_failed") == []
