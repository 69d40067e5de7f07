"""Alerts, dashboard and autoscaler name metrics, labels and documents that are there."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from telephony.service import Service
from telephony.settings import Settings
from tests.clients import ROOT
from tests.conftest import StartService
from tests.deploy.files import DEPLOY, documents
from tests.test_documents import anchors

ALERTS: list[dict[str, Any]] = documents(DEPLOY / "prometheus" / "alerts.yaml")[0]["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "kokoro.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
OF_PROMETHEUS = {"instance", "job", "le"}
"""Labels that every metric may have."""
SEVERITIES = ("critical", "warning", "info")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="figures of the process are Linux's")


def expressions() -> Iterator[tuple[str, str]]:
    """Where it stands, and each expression, with numbers in place of Grafana's variables."""
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def nodes(expression: str) -> list[promql_parser.Expr]:
    """Every node of an expression. Raises ValueError if it is none."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(expression), found.append)
    return found


def exposed(service: Service) -> dict[str, set[str]]:
    """The metrics that a service has, by their names in Prometheus, with their labels."""
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
    known: dict[str, set[str]] = {}
    for family in service.metrics.registry.collect():
        for suffix in suffixes[family.type]:
            collector = service.metrics.registry._names_to_collectors.get(family.name)
            sampled = {label for sample in family.samples for label in sample.labels}
            known[family.name + suffix] = sampled | set(getattr(collector, "_labelnames", ()))
    return known


@on_linux
def test_every_expression_names_metrics_and_labels_of_the_service(service: StartService) -> None:
    sharing: dict[str, Any] = {"shared_calls": True, "redis_url": "redis://127.0.0.1:1/0", "redis_secret": "of nobody"}
    known = {**exposed(service(http_port=0, phrase_memory_mb=1, phrase_cache_mb=1, **sharing)), "up": set()}
    found = 0
    for place, text in expressions():
        selectors = [node for node in nodes(text) if isinstance(node, promql_parser.VectorSelector)]
        assert selectors, place
        labels = [{matcher.name for matcher in selector.matchers.matchers} for selector in selectors]
        grouped = {label for group in re.findall(r"\bby \(([^)]*)\)", text) for label in group.split(", ")}
        for selector, matched in zip(selectors, labels, strict=True):
            assert matched | grouped <= known[selector.name or ""] | OF_PROMETHEUS, (place, selector.name)
            found += 1
    assert found > 50


def test_the_autoscaler_follows_a_metric_of_the_service(service: StartService) -> None:
    (autoscaler,) = documents(DEPLOY / "kubernetes" / "autoscaler.yaml")
    (metric,) = autoscaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] in exposed(service(http_port=0))


# Alerts


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"].keys() == {"summary", "todo", "page"}
    file, _, anchor = rule["annotations"]["page"].partition("#")
    assert (ROOT / file).exists()
    assert not anchor or anchor in anchors(ROOT / file)
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))


def test_every_alert_is_in_the_document_under_its_severity() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    listed = {
        name: severity
        for severity, names in re.findall(r"^\| `(\w+)` \|.*\| (`Kokoro.*) \|$", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert listed == {rule["alert"]: rule["labels"]["severity"] for rule in ALERTS}


def test_slow_first_audio_is_what_sessions_are_refused_for() -> None:
    (rule,) = [rule for rule in ALERTS if rule["alert"] == "KokoroFirstAudioSlow"]
    assert float(rule["expr"].rpartition(" > ")[2]) == Settings().max_first_audio_s


def test_what_alerts_name_is_in_the_manual_or_in_the_page_of_the_log() -> None:
    pages = [ROOT / "KOKORO_INTEGRATION.md", ROOT / "docs" / "log.md"]
    manual = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = {name for rule in ALERTS for name in re.findall(r"`(\w+)`", rule["annotations"]["todo"])}
    assert named
    assert {name for name in named if f"`{name}`" not in manual} == set()


# Dashboard


def test_every_panel_is_whole_and_no_two_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        area = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not area & taken, panel["title"]
        assert max(x for x, _ in area) < 24
        taken |= area
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_every_legend_names_labels_of_its_expression() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) - OF_PROMETHEUS
            grouped = {name for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for name in group.split(", ")}
            assert labels <= grouped, (panel["title"], target["legendFormat"])
