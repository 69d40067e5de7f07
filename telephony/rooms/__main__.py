"""`python -m telephony.rooms`: deploys rooms in a Ray cluster, or changes how many there are. They stay when this ends.

On each machine Ray runs before: `ray start --head` on one, `ray start --address HOST:PORT` on the others, all with
RAY_AUTH_MODE=token and the same token: whoever reaches Ray's ports can run any program.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from telephony.engines.base import SynthesisError


def main(arguments: list[str] | None = None) -> int:
    """Deploys rooms; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m telephony.rooms", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", default="auto", help="the cluster's head, HOST:PORT; auto: this machine's")
    parser.add_argument("--rooms", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--max-rooms", type=int, help="keep between --rooms and so many, by what there is to say")
    parser.add_argument("--cpus", type=float, default=2, help="processors of each (default 2)")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of each, such as 1 or 0.5 (default 0)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the rooms, such as engine=tone"
    )
    wanted = parser.parse_args(arguments)
    options: dict[str, Any] = dict(each.split("=", 1) for each in wanted.set)
    options |= {"rooms": wanted.rooms, "cpus": wanted.cpus, "gpus": wanted.gpus}
    if wanted.max_rooms is not None:
        options |= {"min_rooms": wanted.rooms, "max_rooms": wanted.max_rooms}
    try:
        from telephony.rooms import serve_rooms

        serve_rooms.deploy_at(wanted.address, options)
    except ImportError as error:
        print(f"error: package {error.name} is missing: it is in requirements-cluster.txt", file=sys.stderr)
        return 1
    except SynthesisError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"ready: {wanted.rooms} rooms in the cluster at {wanted.address}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
