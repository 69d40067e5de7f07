"""The Compose file: keys that Compose knows, settings that the service knows, ports that are its defaults."""

from __future__ import annotations

from typing import Any

import pytest

from telephony.settings import Settings
from tests.clients import PROCESSOR_BASE_PORT
from tests.deploy.files import DEPLOY, HOME, MARGIN_S, documents, setting_names

COMPOSE: dict[str, Any] = documents(DEPLOY / "compose.yaml")[0]
SERVICES: dict[str, Any] = COMPOSE["services"]
TYPES: dict[str, type] = {
    "image": str,
    "build": dict,
    "profiles": list,
    "network_mode": str,
    "ports": list,
    "environment": dict,
    "command": list,
    "volumes": list,
    "read_only": bool,
    "tmpfs": list,
    "cap_drop": list,
    "security_opt": list,
    "ulimits": dict,
    "pids_limit": int,
    "restart": str,
    "stop_grace_period": str,
}
"""The keys of a service that are used here, as the Compose specification has them."""


def arguments(service: str, flag: str) -> str:
    """The value of a flag in a service's command, written as --flag=value."""
    (value,) = [each.partition("=")[2] for each in SERVICES[service]["command"] if each.startswith(f"{flag}=")]
    return str(value)


@pytest.mark.parametrize("name", SERVICES)
def test_every_key_is_one_of_compose_with_a_value_of_its_type(name: str) -> None:
    for key, value in SERVICES[name].items():
        assert isinstance(value, TYPES[key]), key
    assert all(
        isinstance(word, str)
        for key in ("command", "volumes", "tmpfs", "ports")
        for word in SERVICES[name].get(key, [])
    )
    assert COMPOSE.keys() == {"name", "services", "volumes"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_volume_is_declared_or_a_file_beside_it(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        assert (DEPLOY / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]


def test_without_a_profile_the_service_is_alone() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["kokoro"]
    assert {profile for service in SERVICES.values() for profile in service.get("profiles", [])} == {"full", "traces"}


def test_the_service_gets_settings_that_it_knows() -> None:
    assert SERVICES["kokoro"]["environment"].keys() <= setting_names()


def test_the_service_can_write_where_it_has_to_and_nowhere_else() -> None:
    service = SERVICES["kokoro"]
    assert service["read_only"]
    assert (service["volumes"], service["tmpfs"]) == ([f"cache:{HOME}"], ["/tmp"])


def test_a_stop_waits_longer_than_the_drain() -> None:
    grace_s = float(SERVICES["kokoro"]["stop_grace_period"].removesuffix("s"))
    assert grace_s >= Settings().drain_timeout_s + MARGIN_S


def test_nothing_takes_a_port_of_an_audio_processor_or_listens_beyond_this_machine() -> None:
    published = [address for service in SERVICES.values() for address in service.get("ports", [])]
    assert all(("ports" in service) is (service.get("network_mode") != "host") for service in SERVICES.values())
    prometheus = arguments("prometheus", "--web.listen-address")
    grafana = SERVICES["grafana"]["environment"]
    redis = SERVICES["redis"]["command"]
    addresses = {
        prometheus,
        f"{grafana['GF_SERVER_HTTP_ADDR']}:{grafana['GF_SERVER_HTTP_PORT']}",
        f"{redis[redis.index('--bind') + 1]}:{redis[redis.index('--port') + 1]}",
        *(address.rpartition(":")[0] for address in published),
    }
    assert {address.partition(":")[0] for address in addresses} == {"127.0.0.1"}
    assert all(int(address.partition(":")[2]) < PROCESSOR_BASE_PORT for address in addresses)
    (source,) = documents(DEPLOY / "grafana" / "datasources.yaml")[0]["datasources"]
    assert source["url"] == f"http://{prometheus}"


def test_prometheus_and_grafana_find_their_files() -> None:
    mounts = dict(volume.split(":")[:2] for name in ("prometheus", "grafana") for volume in SERVICES[name]["volumes"])
    config = arguments("prometheus", "--config.file")
    assert config == f"{mounts['./prometheus']}/prometheus.yaml"
    (job,) = documents(DEPLOY / "prometheus" / "prometheus.yaml")[0]["scrape_configs"]
    settings = Settings()
    assert job["static_configs"] == [{"targets": [f"{settings.http_host}:{settings.http_port}"]}]
    for rules in documents(DEPLOY / "prometheus" / "prometheus.yaml")[0]["rule_files"]:
        assert (DEPLOY / "prometheus" / rules).exists()
    (provider,) = documents(DEPLOY / "grafana" / "dashboards.yaml")[0]["providers"]
    assert mounts["./grafana/kokoro.json"].startswith(f"{provider['options']['path']}/")
    for folder in ("datasources", "dashboards"):
        assert mounts[f"./grafana/{folder}.yaml"] == f"/etc/grafana/provisioning/{folder}/kokoro.yaml"
