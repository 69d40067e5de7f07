"""The Kubernetes files: valid by their schemas, and as the service needs them."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from telephony.settings import Settings
from tests.deploy.files import DEPLOY, HOME, MARGIN_S, USER, documents, setting_names

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION: dict[str, Any] = documents(FOLDER / "kustomization.yaml")[0]
RESOURCES: list[dict[str, Any]] = [each for name in KUSTOMIZATION["resources"] for each in documents(FOLDER / name)]
NAMES = [f"{each['kind']} {each['metadata']['name']}" for each in RESOURCES]
OLDEST = "1.30"
"""The oldest release whose schemas the files follow: its preStop hooks can sleep."""


def the(kind: str) -> dict[str, Any]:
    (found,) = [each for each in RESOURCES if each["kind"] == kind]
    return found


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = the("Deployment")["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return dict(found)


def test_every_file_is_applied() -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*KUSTOMIZATION["resources"], "kustomization.yaml"}


@pytest.mark.parametrize("resource", RESOURCES, ids=NAMES)
@pytest.mark.parametrize("version", [OLDEST, "newest"])
def test_a_resource_is_valid(resource: dict[str, Any], version: str) -> None:
    desired = kubernetes_validate.latest_version() if version == "newest" else version
    kubernetes_validate.validate(resource, desired, strict=True)


def test_everything_selects_the_pods_of_the_deployment() -> None:
    labels = the("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        the("Deployment")["spec"]["selector"]["matchLabels"],
        the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(each["spec"]["selector"] for each in RESOURCES if each["kind"] == "Service"),
    ]
    assert all(selector == labels for selector in selectors)
    target = the("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", the("Deployment")["metadata"]["name"])
    (image,) = KUSTOMIZATION["images"]
    assert image["name"] == container()["image"]


def test_the_ports_are_the_defaults() -> None:
    settings = Settings()
    wanted = {
        "text": ("TCP", settings.tcp_port),
        "registration": ("UDP", settings.udp_port),
        "http": ("TCP", settings.http_port),
    }
    assert {
        each["name"]: (each.get("protocol", "TCP"), each["containerPort"]) for each in container()["ports"]
    } == wanted
    services = [each for each in RESOURCES if each["kind"] == "Service"]
    assert {
        each["targetPort"]: (each.get("protocol", "TCP"), each["port"])
        for service in services
        for each in service["spec"]["ports"]
    } == wanted
    let_in = [port for rule in the("NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]]
    assert {(each.get("protocol", "TCP"), each["port"]) for each in let_in} == set(wanted.values())


def test_every_variable_is_a_setting() -> None:
    names = [each["name"] for each in container()["env"]]
    assert set(names) <= setting_names()
    assert pod()["enableServiceLinks"] is False  # else Kubernetes adds variables named as these services


def test_the_probes_ask_the_routes_of_health() -> None:
    paths = {probe: container()[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {probe: where["path"] for probe, where in paths.items()} == {
        "startupProbe": "/readyz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }
    assert {where["port"] for where in paths.values()} == {"http"}


def test_a_pod_ends_after_its_drain() -> None:
    hook_s = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod()["terminationGracePeriodSeconds"] >= hook_s + Settings().drain_timeout_s + MARGIN_S


def test_a_pod_has_no_rights_and_writes_where_it_has_to() -> None:
    security = container()["securityContext"]
    assert pod()["securityContext"]["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container()["volumeMounts"]} == {HOME, "/tmp"}
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert volumes["cache"]["persistentVolumeClaim"]["claimName"] == the("PersistentVolumeClaim")["metadata"]["name"]


def test_the_user_is_the_images() -> None:
    security = pod()["securityContext"]
    assert [security[each] for each in ("runAsUser", "runAsGroup", "fsGroup")] == [USER] * 3


def test_pods_are_added_before_sessions_are_refused() -> None:
    (metric,) = the("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert float(metric["pods"]["target"]["averageValue"]) < Settings().max_first_audio_s
