"""Shows what would be said for a text, and by which rule.

`python -m telephony.tools.normalize "call 555-0147 by 3/14" --language en-US` cuts the text into sentences as a call
does. For each one it writes every rule that changes it with the text behind that rule, and at last what is said. It
needs no service.

Exit status: 0, or 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from telephony.text import normalization, segments


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    for sentence in segments.split(options.text):
        steps = list(normalization.steps(sentence, options.language))
        width = max((len(rule) for rule, _ in steps), default=0)
        for rule, text in steps:
            print(f"{rule:>{width}}  {text}")
        print(normalization.normalize(sentence, options.language))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m telephony.tools.normalize",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("--language", default="en-US", help="a language tag (default: %(default)s)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
