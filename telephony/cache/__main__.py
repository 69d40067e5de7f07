"""`python -m telephony.cache stats|clear|prerender`: what is kept, nothing kept, more kept."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from telephony import settings
from telephony.cache.cache import PhraseCache
from telephony.cache.files import FileStore
from telephony.cache.prerender import PhraseRequest, load_requests, prerender
from telephony.cache.redis_store import RedisStore
from telephony.cache.stores import Store
from telephony.settings import Settings
from telephony.telemetry.cache_figures import CacheFigures

_HTTP_TIMEOUT_S = 120.0


class _NoSoundError(RuntimeError):
    """The service answered without sound."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    try:
        options = _parser(settings.parse([], os.environ).settings).parse_args(arguments)
        if options.command == "prerender":
            return _prerender(options)
        cache = _cache(options)
        try:
            if options.command == "stats":
                print(json.dumps(cache.stats(), indent=2))
            else:
                print(f"{cache.clear()} phrases deleted")
        finally:
            cache.close()
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _cache(options: argparse.Namespace) -> PhraseCache:
    figures = CacheFigures(CollectorRegistry())
    stores: list[Store] = []
    if options.redis_url:
        stores.append(RedisStore(options.redis_url, ttl_s=1.0))
    stores.append(FileStore(options.dir, max_bytes=0, figures=figures))
    return PhraseCache(stores, figures)


def _prerender(options: argparse.Namespace) -> int:
    """Through the running service: it alone knows voices and revisions as they are, and who has to speak first."""
    phrases = load_requests(options.prerender_file)
    headers = {"Content-Type": "application/json"}
    if options.api_key:
        headers["Authorization"] = f"Bearer {options.api_key}"

    def say(wanted: PhraseRequest) -> bool:
        given = {name: value for name, value in vars(wanted).items() if value is not None}
        given["prerender"] = True
        request = urllib.request.Request(f"{options.url}/synthesize", json.dumps(given).encode(), headers)
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as response:
            if not response.read():
                raise _NoSoundError("the service answered without sound")
        return True

    result = prerender(phrases, say)
    print(f"{result.made} of {len(phrases)} phrases rendered or there already, {result.failed} failed")
    return 1 if result.failed else 0


def _parser(service: Settings) -> argparse.ArgumentParser:
    """`service`: whose settings are the defaults."""
    parser = argparse.ArgumentParser(prog="python -m telephony.cache", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("stats", "how many phrases are kept"), ("clear", "delete every phrase")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--dir", type=Path, default=service.phrase_directory, help="of the files [%(default)s]")
        command.add_argument("--redis-url", default=service.redis_url, help="[KOKORO_REDIS_URL]; none: files only")
    command = commands.add_parser("prerender", help="have the running service render a list of phrases")
    listed = service.prerender_file or Path("config.yaml")
    command.add_argument("--prerender-file", type=Path, default=listed, help="YAML with a list `prerender`")
    command.add_argument("--config", dest="prerender_file", type=Path, default=listed, help=argparse.SUPPRESS)
    command.add_argument("--url", default="http://127.0.0.1:8000", help="of the running service [%(default)s]")
    command.add_argument("--api-key", default=service.api_key.split(",")[0], help="[API_KEY]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
