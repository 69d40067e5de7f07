"""Rooms in a Ray cluster: the Serve configuration, the Compose file and the Kubernetes files that have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped]

from telephony.rooms.options import parse_options
from telephony.settings import Settings, SettingsError
from tests.clients import ROOT
from tests.deploy import test_kubernetes as plain
from tests.deploy.files import DEPLOY, HOME, MARGIN_S, USER, documents, setting_names

SERVE: dict[str, Any] = documents(DEPLOY / "rooms.yaml")[0]
COMPOSE: dict[str, Any] = documents(DEPLOY / "compose-rooms.yaml")[0]
SERVICES: dict[str, Any] = COMPOSE["services"]
FOLDER = DEPLOY / "kubernetes-rooms"
KUSTOMIZATION: dict[str, Any] = documents(FOLDER / "kustomization.yaml")[0]
RAY_SERVICE: dict[str, Any] = documents(FOLDER / "rooms.yaml")[0]
CLUSTER: dict[str, Any] = RAY_SERVICE["spec"]["rayClusterConfig"]
WORKERS: dict[str, Any] = CLUSTER["workerGroupSpecs"][0]
TEMPLATES = {"head": CLUSTER["headGroupSpec"]["template"], "workers": WORKERS["template"]}
SERVE_IN_KUBERNETES: dict[str, Any] = yaml.safe_load(RAY_SERVICE["spec"]["serveConfigV2"])
SECRET = {"name": "kokoro-rooms", "key": "auth_token"}
"""Where the token lies; the operator prescribes the key."""
RAY_LABEL = {"kokoro-telephony/ray": "true"}
RAY_HEAD_PORT = 6379


# What Serve is told


def unknown_keys(given: Any, known: Any, path: str = "") -> Iterator[str]:
    """Keys of `given` that `known`, what a schema has read of it, lacks."""
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key not in known:
                yield f"{path}{key}"
            else:
                yield from unknown_keys(value, known[key], f"{path}{key}.")
    elif isinstance(given, list) and isinstance(known, list):
        for number, (value, read) in enumerate(zip(given, known, strict=True)):
            yield from unknown_keys(value, read, f"{path}{number}.")


def check_serve_config(config: dict[str, Any]) -> None:
    """Fails where Serve's own schema refuses a configuration, or would silently leave a part of it out."""
    schema = pytest.importorskip("ray.serve.schema", reason="package ray is not installed (requirements-cluster.txt)")
    read = schema.ServeDeploySchema.model_validate(config).model_dump(exclude_unset=True)
    assert list(unknown_keys(config, read)) == []
    (application,) = config["applications"]
    parse_options(application["args"])


@pytest.mark.slow
@pytest.mark.parametrize("config", [SERVE, SERVE_IN_KUBERNETES], ids=["rooms.yaml", "kubernetes"])
def test_serve_reads_every_key(config: dict[str, Any]) -> None:
    check_serve_config(config)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"proxy_locatoin": "Disabled"},
        {"applications": [{**SERVE["applications"][0], "import_paths": "x"}]},
        {"applications": [{**SERVE["applications"][0], "deployments": [{"name": "room", "user_konfig": {}}]}]},
    ],
    ids=["top", "application", "deployment"],
)
def test_a_misspelt_key_of_serves_is_found(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_serve_config({**SERVE, **change})


@pytest.mark.parametrize("config", [SERVE, SERVE_IN_KUBERNETES], ids=["rooms.yaml", "kubernetes"])
def test_the_application_is_the_one_that_doors_look_for(config: dict[str, Any]) -> None:
    source = (ROOT / "telephony" / "rooms" / "deployment.py").read_text(encoding="utf-8")
    names = dict(re.findall(r'^(APP|DEPLOYMENT) = "(\w+)"$', source, re.MULTILINE))
    (application,) = config["applications"]
    (deployment,) = application["deployments"]
    assert (application["name"], deployment["name"]) == (names["APP"], names["DEPLOYMENT"])
    assert application["import_path"] == "telephony.rooms.deployment:build"
    assert deployment["user_config"] == {"max_wait_s": Settings().max_wait_s}


@pytest.mark.parametrize("given", [{"engin": "tone"}, {"rooms": "many"}, {"threads": "x"}, {"check": ""}, {"help": 1}])
def test_an_option_that_rooms_do_not_have_or_cannot_read_is_refused(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(SettingsError, match=name):
        parse_options(given)


def test_options_are_typed_and_all_others_are_settings() -> None:
    options = parse_options({"rooms": "3", "cpus": 4, "max_rooms": 9, "engine": "tone", "max_wait_s": 2})
    assert (options.rooms, options.cpus, options.max_rooms) == (3, 4.0, 9)
    assert (options.settings.engine, options.settings.max_wait_s, options.settings.threads) == ("tone", 2.0, 4)
    assert parse_options({"cpus": 4, "threads": 2}).settings.threads == 2
    assert parse_options({"cpus": 0.5}).settings.threads == 1


# Compose

TYPES: dict[str, type] = {
    "image": str,
    "build": dict,
    "networks": list,
    "environment": dict,
    "command": list,
    "entrypoint": list,
    "volumes": list,
    "ports": list,
    "depends_on": list,
    "read_only": bool,
    "tmpfs": list,
    "shm_size": str,
    "cap_drop": list,
    "security_opt": list,
    "ulimits": dict,
    "pids_limit": int,
    "healthcheck": dict,
    "restart": str,
    "stop_grace_period": str,
}
"""The keys of a service that are used here, as the Compose specification has them."""
NODES = ("head", "rooms", "deploy", "door")


@pytest.mark.parametrize("name", SERVICES)
def test_every_key_is_one_of_compose_with_a_value_of_its_type(name: str) -> None:
    service = SERVICES[name]
    for key, value in service.items():
        assert isinstance(value, TYPES[key]), key
    lists = ("command", "entrypoint", "volumes", "ports", "depends_on", "networks", "tmpfs")
    assert all(isinstance(word, str) for key in lists for word in service.get(key, []))
    assert COMPOSE.keys() == {"name", "x-rooms", "services", "networks", "volumes"}
    assert set(service.get("depends_on", [])) <= SERVICES.keys()
    assert set(service["networks"]) <= COMPOSE["networks"].keys()


def test_only_the_doors_own_ports_leave_the_network() -> None:
    settings = Settings()
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"door"}
    assert SERVICES["door"]["ports"] == [
        f"127.0.0.1:{settings.tcp_port}:{settings.tcp_port}",
        f"127.0.0.1:{settings.udp_port}:{settings.udp_port}/udp",
        f"127.0.0.1:{settings.http_port}:{settings.http_port}",
    ]


def test_no_secret_has_a_default() -> None:
    for name in NODES:
        assert SERVICES[name]["environment"]["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?")
    assert SERVICES["door"]["environment"]["API_KEY"].startswith("${API_KEY:?")


def test_every_container_is_told_what_it_is() -> None:
    address = f"head:{RAY_HEAD_PORT}"
    assert SERVICES["head"]["command"][:2] == ["room", "--head"]
    assert SERVICES["rooms"]["command"] == ["room", "--address", address]
    assert SERVICES["door"]["command"] == ["door", address]
    assert SERVICES["deploy"]["entrypoint"][:2] == ["serve", "deploy"]
    file = SERVICES["deploy"]["entrypoint"][-1]
    assert SERVICES["deploy"]["volumes"] == [f"./rooms.yaml:{file}:ro"]
    assert set(SERVICES["door"]["environment"]) - {"RAY_AUTH_TOKEN"} <= setting_names()
    # The image's health check asks a service, which only the door is.
    assert [name for name in NODES if SERVICES[name].get("healthcheck") != {"disable": True}] == ["door"]


def test_the_door_stops_after_its_drain_and_before_its_rooms() -> None:
    grace_s = float(SERVICES["door"]["stop_grace_period"].removesuffix("s"))
    assert grace_s >= Settings().drain_timeout_s + MARGIN_S
    assert {"head", "rooms"} <= set(SERVICES["door"]["depends_on"])


@pytest.mark.parametrize("name", NODES)
def test_a_container_has_no_rights_and_room_for_ray(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["tmpfs"] == ["/tmp"]
    assert int(service["shm_size"].removesuffix("m")) * 2**20 > object_store_bytes()
    if name != "deploy":
        assert service["volumes"] == [f"cache:{HOME}"]


def object_store_bytes() -> int:
    (found,) = re.findall(r"--object-store-memory (\d+)", (DEPLOY / "entrypoint.sh").read_text(encoding="utf-8"))
    return int(found)


# Kubernetes


def patched(resource: dict[str, Any], file: str) -> dict[str, Any]:
    """A resource of deploy/kubernetes with the patches of a file: operations `add` and `replace` of JSON Patch."""
    changed: dict[str, Any] = yaml.safe_load(yaml.safe_dump(resource))
    for operation in documents(FOLDER / file)[0]:
        assert operation.keys() == {"op", "path", "value"}
        *parents, last = [each.replace("~1", "/") for each in operation["path"].split("/")[1:]]
        place: Any = changed
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place[name]
        if last == "-":
            assert operation["op"] == "add"
            place.append(operation["value"])
        else:
            assert (last in place) == (operation["op"] == "replace")
            place[last] = operation["value"]
    return changed


@cache
def the(kind: str) -> dict[str, Any]:
    """What is applied of a kind, once the patches are in it."""
    files = {each["target"]["kind"]: each["path"] for each in KUSTOMIZATION["patches"]}
    if kind in files:
        return patched(plain.the(kind), files[kind])
    (found,) = documents(FOLDER / "network.yaml")
    return cast("dict[str, Any]", found)


def container(template: dict[str, Any]) -> dict[str, Any]:
    (found,) = template["spec"]["containers"]
    return dict(found)


def test_every_file_is_applied() -> None:
    patches = [each["path"] for each in KUSTOMIZATION["patches"]]
    files = [each for each in KUSTOMIZATION["resources"] if each != "../kubernetes"]
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*files, *patches, "kustomization.yaml"}
    assert all(
        each["target"]["name"] == plain.the(each["target"]["kind"])["metadata"]["name"]
        for each in KUSTOMIZATION["patches"]
    )


@pytest.mark.parametrize("version", [plain.OLDEST, "newest"])
@pytest.mark.parametrize("kind", ["Deployment", "HorizontalPodAutoscaler", "NetworkPolicy"])
def test_a_resource_is_valid(kind: str, version: str) -> None:
    desired = kubernetes_validate.latest_version() if version == "newest" else version
    kubernetes_validate.validate(the(kind), desired, strict=True)


@pytest.mark.parametrize("version", [plain.OLDEST, "newest"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_pod_of_rays_is_valid(name: str, version: str) -> None:
    desired = kubernetes_validate.latest_version() if version == "newest" else version
    resource = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": name}, "template": TEMPLATES[name]}
    kubernetes_validate.validate(resource, desired, strict=True)


def test_the_ray_service_has_keys_that_kuberay_knows() -> None:
    # By KubeRay's reference, version 1.6; its schema is in no package.
    assert (RAY_SERVICE["apiVersion"], RAY_SERVICE["kind"]) == ("ray.io/v1", "RayService")
    assert RAY_SERVICE["spec"].keys() == {"upgradeStrategy", "serveConfigV2", "rayClusterConfig"}
    assert RAY_SERVICE["spec"]["upgradeStrategy"] == {"type": "None"}
    assert CLUSTER.keys() == {
        *("rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions"),
        *("headGroupSpec", "workerGroupSpecs"),
    }
    assert CLUSTER["headGroupSpec"].keys() == {"rayStartParams", "template"}
    assert WORKERS.keys() == {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
    assert all(
        isinstance(value, str)
        for group in (CLUSTER["headGroupSpec"], WORKERS)
        for value in group["rayStartParams"].values()
    )


def test_ray_is_the_one_of_the_image() -> None:
    pinned = (ROOT / "requirements-cluster.txt").read_text(encoding="utf-8")
    assert f"ray[serve]=={CLUSTER['rayVersion']}\n" in pinned
    assert all(
        group["rayStartParams"]["object-store-memory"] == str(object_store_bytes())
        for group in (CLUSTER["headGroupSpec"], WORKERS)
    )


def test_all_nodes_have_the_token_of_the_secret() -> None:
    assert CLUSTER["authOptions"] == {"mode": "token", "secretName": SECRET["name"]}
    token = [
        each for each in container(the("Deployment")["spec"]["template"])["env"] if each["name"].startswith("RAY_")
    ]
    assert token == [{"name": "RAY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": SECRET}}]


def test_only_nodes_of_the_cluster_reach_rays_ports() -> None:
    templates = [*TEMPLATES.values(), the("Deployment")["spec"]["template"]]
    assert all(template["metadata"]["labels"].items() >= RAY_LABEL.items() for template in templates)
    spec = the("NetworkPolicy")["spec"]
    assert spec["podSelector"]["matchLabels"] == RAY_LABEL
    among, operator = spec["ingress"]
    assert among == {"from": [{"podSelector": {"matchLabels": RAY_LABEL}}]}
    ports = {each["name"]: each["containerPort"] for each in container(TEMPLATES["head"])["ports"]}
    assert {each["port"] for each in operator["ports"]} == {ports["dashboard"], ports["serve"]}


def test_a_door_joins_the_head_of_the_ray_service() -> None:
    template = the("Deployment")["spec"]["template"]
    address = f"{RAY_SERVICE['metadata']['name']}-head-svc:{RAY_HEAD_PORT}"
    assert container(template)["args"] == ["door", address]
    mounts = {mount["mountPath"]: mount["name"] for mount in container(template)["volumeMounts"]}
    assert mounts.keys() == {HOME, "/tmp", "/dev/shm"}
    assert set(mounts.values()) == {volume["name"] for volume in template["spec"]["volumes"]}


def test_each_pod_of_the_workers_holds_one_room() -> None:
    (application,) = SERVE_IN_KUBERNETES["applications"]
    options = parse_options(application["args"])
    assert float(WORKERS["rayStartParams"]["num-cpus"]) == options.cpus
    assert float(container(TEMPLATES["workers"])["resources"]["limits"]["cpu"]) == options.cpus
    assert (WORKERS["minReplicas"], WORKERS["maxReplicas"]) == (options.min_rooms, options.max_rooms)
    assert CLUSTER["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_pod_of_rays_has_no_rights_and_writes_where_it_has_to(name: str) -> None:
    spec = TEMPLATES[name]["spec"]
    security = container(TEMPLATES[name])["securityContext"]
    assert [spec["securityContext"][each] for each in ("runAsUser", "runAsGroup", "fsGroup")] == [USER] * 3
    assert spec["securityContext"]["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container(TEMPLATES[name])["volumeMounts"]} == {HOME, "/tmp"}
    (image,) = KUSTOMIZATION["images"]
    assert container(TEMPLATES[name])["image"] == image["name"]
