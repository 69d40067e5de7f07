"""Ends with status 0 if the service in this container is ready, else with 1 and the reason."""

from __future__ import annotations

import json
import os
import sys
import urllib.request

TIMEOUT_S = 4.0
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def main() -> int:
    """Asks /readyz at the address that the environment gives the service; returns the exit status."""
    host = os.environ.get("KOKORO_HTTP_HOST") or "127.0.0.1"
    port = os.environ.get("KOKORO_HTTP_PORT") or "8000"
    host = _EVERY_ADDRESS.get(host, host)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=TIMEOUT_S) as answer:
            print(json.load(answer)["status"])
    except OSError as error:  # URLError and HTTPError among them
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
