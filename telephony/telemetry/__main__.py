"""`python -m telephony.telemetry metrics|log` prints the page of all metrics, or of all events, in Markdown."""

from __future__ import annotations

import argparse

from telephony.telemetry.documentation import log_page, metrics_page

_PAGES = {"metrics": metrics_page, "log": log_page}

parser = argparse.ArgumentParser(prog="python -m telephony.telemetry", description="Prints a page of the documents.")
parser.add_argument("page", choices=_PAGES)
print(_PAGES[parser.parse_args().page]())
