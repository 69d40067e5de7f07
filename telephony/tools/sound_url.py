"""`python -m telephony.tools.sound_url TEXT`: an address that is the sound of a text, signed with the service's key."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence

from telephony import settings
from telephony.protocols.sound_url import FORMATS, UrlSigner
from telephony.settings import SettingsError


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        wanted = settings.parse([], os.environ if environment is None else environment).settings
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    named = {"text": options.text, "voice": options.voice, "rate": options.rate}
    expires_s = None if options.expires_in is None else int(time.time()) + options.expires_in
    address = UrlSigner(wanted.api_key).sign(
        f"say.{options.format}", {name: value for name, value in named.items() if value is not None}, expires_s
    )
    base = options.base or f"http://127.0.0.1:{wanted.http_port}"
    print(f"{base.rstrip('/')}/{address}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m telephony.tools.sound_url",
        description="An address that is the sound of a text. Where a key is set, the address is signed with it.",
        epilog="Reads API_KEY, as the service does; the first of several keys signs.",
    )
    parser.add_argument("text")
    parser.add_argument("--format", choices=[name.partition(".")[2] for name in FORMATS], default="wav")
    parser.add_argument("--voice", help="by default the telephone's")
    parser.add_argument("--rate", help="Hz; 8000 for telephones [24000, ulaw: 8000]")
    parser.add_argument(
        "--expires-in", type=int, metavar="SECONDS", help="by default the address holds as its key does"
    )
    parser.add_argument("--base", help="what the service is called by those who play it [http://127.0.0.1:PORT]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
