"""The metrics and the events of the log as their operator reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import Metric

from telephony.telemetry.cache_figures import CacheFigures
from telephony.telemetry.events import EVENTS, Event
from telephony.telemetry.metrics import Metrics
from telephony.telemetry.refusals import REFUSALS
from telephony.telemetry.shared_call_figures import SharedCallFigures

_METRICS = """\
# Metrics

This page is generated from `telephony/telemetry/`; do not edit it by hand:

```sh
venv-kokoro/bin/python -m telephony.telemetry metrics > docs/metrics.md
```

`GET /metrics` returns them in Prometheus' text format. [Reliability](reliability.md) says which fault shows in which
metric; [alerts and a dashboard](deployment.md#alerts) are there.

- `door` is the endpoint: `telephone` (in `tts_refusals_total`: `text` and `registration`, its two ports),
  `audiosocket`, `media` (Asterisk's WebSocket), `calls` (text for a PBX's calls), `wyoming` (Home Assistant),
  `livekit`, `pipecat`, `openai`, `contexts` (ElevenLabs' clients) and `speak` (Deepgram's; of requests over HTTP with
  `_http` behind it), `gateway` (`/synthesize`); `http` for a connection that sent no request; `admin`, `health`,
  `metrics`, `page`, and `none` for a path that is none of them.
- `engine` is `kokoro`, `piper`, `supertonic` or `tone`.
- `why` of an engine's failure is `raised`, `stalled`, `bad_audio`, `out_of_memory` or `paused`.
- A counter only grows, a gauge is a value of this moment, a histogram has `_bucket`, `_sum` and `_count`.

On Linux there are also Prometheus' figures of the process, among them `process_resident_memory_bytes`,
`process_cpu_seconds_total`, `process_open_fds`, `process_max_fds` and `process_start_time_seconds`. The metrics of the
phrase cache (`tts_cache_...`) are there if there is a cache, those of shared calls (`tts_shared_...`) if doors share
their calls.

| Metric | Type | Labels | Meaning |
|---|---|---|---|"""

_LOG = """\
# Log

This page is generated from `telephony/telemetry/`; do not edit it by hand:

```sh
venv-kokoro/bin/python -m telephony.telemetry log > docs/log.md
```

Each event is one line on standard error; its name is `event`. The [manual](../KOKORO_INTEGRATION.md#log) shows some
lines. What concerns a client names its `door` (endpoint) and `peer`, and its `call`, `session` or `request_id` as far
as they are known. `call` is the call id on the telephone and of a PBX. `session` is the client's session id at
`/ws/tts`, elsewhere the id of the WebSocket or request, as in its `X-Request-ID`. The request log has it as `call`.

Of one event at most 100 lines a second are written (the last one says `further`), but for debug. `refused` has that
bound for each door and code. Callers' text appears at debug only."""

_LEVELS = {
    "error": "Errors: look into each",
    "warning": "Warnings: a bound was reached, or a peer misbehaved",
    "info": "Information",
    "debug": "Debug",
}


def metrics_page() -> str:
    """The page of all metrics."""
    return "\n".join([_METRICS, *(_metric_row(*row) for row in describe_metrics())])


def describe_metrics() -> list[tuple[str, str, str, str]]:
    """Name as it is exposed, type, labels and meaning of every metric, but those of the process."""
    metrics = Metrics()
    metrics.watch_log(lambda: 0)
    metrics.watch_status(("ready",), lambda: "ready")
    CacheFigures(metrics.registry)
    SharedCallFigures(metrics.registry)
    rows = [_described(metrics, family) for family in metrics.registry.collect()]
    return sorted(rows)


def log_page() -> str:
    """The page of all events."""
    sections = [_section(title, [each for each in EVENTS if _first(each) == level]) for level, title in _LEVELS.items()]
    refusals = _table("Code", ((each.code, each.meaning, each.advice) for each in REFUSALS))
    further = "Further codes are those of the WebSocket protocols' errors: see [protocols](protocols.md)."
    return "\n\n".join(
        [_LOG, *sections, "## Refusals", "`refused` says in `code` what kind of refusal it is.", refusals, further]
    )


def _described(metrics: Metrics, family: Metric) -> tuple[str, str, str, str]:
    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
    # Those with labels have no sample before they count.
    known = metrics.registry._names_to_collectors.get(family.name)
    labels = getattr(known, "_labelnames", ()) or sorted({label for each in family.samples for label in each.labels})
    own = [label for label in labels if label != "le"]
    return family.name + suffix, family.type, ", ".join(own), family.documentation


def _metric_row(name: str, kind: str, labels: str, meaning: str) -> str:
    return f"| `{name}` | {kind} | {labels} | {meaning} |"


def _first(event: Event) -> str:
    return event.level.partition(",")[0]


def _section(title: str, events: Sequence[Event]) -> str:
    rows = ((each.name, _with_level(each), each.advice) for each in events)
    return f"## {title}\n\n{_table('Event', rows)}"


def _with_level(event: Event) -> str:
    _, comma, other = event.level.partition(", ")
    return f"{event.meaning} (or at {other})" if comma else event.meaning


def _table(first: str, rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| {first} | Meaning | What to do |", "|---|---|---|"]
    lines += [f"| {_names(name)} | {meaning} | {advice} |" for name, meaning, advice in rows]
    return "\n".join(lines)


def _names(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))
