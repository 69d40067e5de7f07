"""A real nginx and a real Caddy as processes, configured by what docs/deployment.md tells to write."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.clients import ROOT, TIMEOUT_S, free_port, until

PREFIX = "/tts"
NAMES = ("nginx", "caddy")

_UPSTREAM = "127.0.0.1:8000"


def documented(name: str) -> str:
    """The configuration of that proxy in the documents."""
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    found = re.search(rf"^```{name}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@dataclass(frozen=True)
class ReverseProxy:
    """One that is running: where it has the page, and the log of what it was asked for."""

    url: str
    access_log: Path


@contextlib.contextmanager
def reverse_proxy(
    name: str, configuration: str, upstream_port: int | None, directory: Path, *, prefix: bool, tls: bool
) -> Iterator[ReverseProxy]:
    """Runs a proxy before the service at `upstream_port`.

    Args:
        configuration: as `documented`, or another one of the same form.
        prefix: whether the service is under `PREFIX`, else it has the proxy to itself.
    """
    port = free_port()
    configuration = configuration.replace(_UPSTREAM, f"127.0.0.1:{upstream_port}")
    if not prefix:
        configuration = re.sub(rf"^ *redir {PREFIX} .*\n", "", configuration, flags=re.MULTILINE).replace(PREFIX, "")
    scheme = "https" if tls else "http"
    certificate, key = _certificate(directory) if tls else ("", "")
    log, config = directory / "access.log", directory / "config"
    if name == "nginx":
        config.write_text(_nginx(configuration, port, directory, certificate, key), encoding="utf-8")
        command = ["nginx", "-p", str(directory), "-c", str(config)]
    else:
        config.write_text(
            _caddy(configuration, f"{scheme}://127.0.0.1:{port}", log, certificate, key), encoding="utf-8"
        )
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
    # Caddy writes to the directories that these name.
    environment = {**os.environ, **dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(directory))}
    with (directory / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=output, stderr=output)
    try:
        until(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, (directory / "output").read_text()
        url = f"{scheme}://127.0.0.1:{port}{PREFIX if prefix else ''}/"
        assert httpx.get(f"{url}healthz", verify=False, timeout=TIMEOUT_S).status_code == 200
        yield ReverseProxy(url, log)
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def _nginx(configuration: str, port: int, directory: Path, certificate: str, key: str) -> str:
    secure = f"ssl_certificate {certificate}; ssl_certificate_key {key};" if certificate else ""
    maps = "".join(re.findall(r"^map .*?^}\n", configuration, re.MULTILINE | re.DOTALL))
    paths = " ".join(f"{kind}_temp_path {directory};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (
        f"daemon off; master_process off; pid {directory}/pid; error_log stderr; events {{}}\n"
        f"http {{ {paths} access_log {directory}/access.log;\n{maps}"
        f"server {{ listen 127.0.0.1:{port}{' ssl' if certificate else ''}; {secure}\n"
        f"{configuration.removeprefix(maps)} }} }}\n"
    )


def _caddy(configuration: str, address: str, log: Path, certificate: str, key: str) -> str:
    site = f"{address} {{\n    log {{\n        output file {log}\n    }}\n"
    if certificate:
        site += f"    tls {certificate} {key}\n"
    rest = re.sub(r"^[\w.]+ {\n", lambda _: site, configuration, flags=re.MULTILINE)
    return f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{rest}"


def _certificate(directory: Path) -> tuple[str, str]:
    certificate, key = directory / "cert.pem", directory / "key.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    subprocess.run(
        [*make.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return str(certificate), str(key)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True
