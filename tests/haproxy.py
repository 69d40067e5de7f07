"""A real HAProxy, as a process, with the configuration of deploy/haproxy in front of two services."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telephony.service import Service
from tests.clients import ROOT, free_port

CONFIGURATION = ROOT / "deploy" / "haproxy" / "haproxy.cfg"


@dataclass(frozen=True)
class DoorPorts:
    """Where a door listens on this machine."""

    text: int
    http: int
    audiosocket: int

    @classmethod
    def of(cls, service: Service) -> DoorPorts:
        return cls(service.tcp_port, service.http_port or 0, service.audiosocket_port or 0)


class Haproxy:
    """The balancer. `with` ends it; each door that was there at its start counts as up."""

    def __init__(self, doors: Sequence[DoorPorts], directory: Path) -> None:
        self.text_port, self.http_port, self.audiosocket_port = (free_port() for _ in range(3))
        text = CONFIGURATION.read_text(encoding="utf-8")
        changes = [(f"bind :{usual}", f"bind 127.0.0.1:{port}") for usual, port in self._ports().items()]
        for address, door in zip(("10.0.0.11", "10.0.0.12"), doors, strict=True):
            ports = {8090: door.text, 8000: door.http, 9092: door.audiosocket}
            changes += [(f"{address}:{usual}", f"127.0.0.1:{port}") for usual, port in ports.items()]
        for old, new in changes:
            assert old in text, old
            text = re.sub(rf"{re.escape(old)}\b", new, text)
        path = directory / "haproxy.cfg"
        path.write_text(text, encoding="utf-8")
        self.process = subprocess.Popen(
            ["haproxy", "-f", str(path), "-db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Haproxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def _ports(self) -> dict[int, int]:
        return {8090: self.text_port, 8000: self.http_port, 9092: self.audiosocket_port}
