"""Cores and memory as affinity and control groups leave them, read from files as Linux writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony.system import machine

FILES = {
    "2": {"proc/self/cgroup": "0::/system.slice/kokoro.service\n"},
    "1": {"proc/self/cgroup": "4:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n1:name=systemd:/\n0::/\n"},
}


def files(root: Path, contents: dict[str, str]) -> Path:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "visible_cores", lambda: 8)


@pytest.mark.parametrize(
    ("limits", "cores"),
    [
        (FILES["2"], 8),
        (FILES["2"] | {"sys/fs/cgroup/system.slice/kokoro.service/cpu.max": "150000 100000\n"}, 1.5),
        (FILES["2"] | {"sys/fs/cgroup/system.slice/kokoro.service/cpu.max": "max 100000\n"}, 8),
        # The bound of a group holds for those in it.
        (
            FILES["2"]
            | {
                "sys/fs/cgroup/system.slice/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/system.slice/kokoro.service/cpu.max": "400000 100000\n",
            },
            2,
        ),
        (
            FILES["1"]
            | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
            0.5,
        ),
        (
            FILES["1"]
            | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
            8,
        ),
        ({}, 8),
    ],
)
def test_cores_are_bounded_by_quotas(tmp_path: Path, limits: dict[str, str], cores: float) -> None:
    assert machine.cores(files(tmp_path, limits)) == cores


@pytest.mark.parametrize(
    ("limits", "memory"),
    [
        (FILES["2"] | {"sys/fs/cgroup/system.slice/kokoro.service/memory.max": "1000\n"}, 1000),
        (FILES["1"] | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "2000\n"}, 2000),
        (FILES["2"] | {"sys/fs/cgroup/system.slice/kokoro.service/memory.max": "max\n"}, None),
        ({}, None),
    ],
)
def test_memory_is_bounded_by_control_groups(tmp_path: Path, limits: dict[str, str], memory: int | None) -> None:
    everything = machine.memory_bytes(files(tmp_path / "none", {"proc/self/cgroup": ""}))
    assert everything > 10**8
    assert machine.memory_bytes(files(tmp_path / "root", limits)) == (memory or everything)


def test_an_nvidia_gpu_is_seen_by_its_driver(tmp_path: Path) -> None:
    assert not machine.has_nvidia_gpu(tmp_path)
    assert machine.has_nvidia_gpu(files(tmp_path, {"proc/driver/nvidia/version": "NVRM version: ...\n"}))


def test_the_driver_tells_how_many_gpus_there_are(tmp_path: Path) -> None:
    assert machine.nvidia_gpus(tmp_path) == 0
    gpus = {f"proc/driver/nvidia/gpus/0000:{number}:00.0/information": "Model: ...\n" for number in ("1b", "43")}
    assert machine.nvidia_gpus(files(tmp_path, gpus)) == 2
