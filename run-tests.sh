#!/usr/bin/env bash
# Runs every test, in two processes. With --fast as the first argument only those that take less than about a second, in
# a minute and a half. Other arguments go to pytest (`--load tests/load` for load at full size).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/scripts/environment.sh"
prepare_environment requirements.txt requirements-dev.txt requirements-cluster.txt requirements-tracing.txt requirements-wyoming.txt
cd "$root"
# Hundreds of processes import the packages, and would compile them anew if Python may not keep what it has compiled.
unset PYTHONDONTWRITEBYTECODE
if [[ "${1:-}" == --fast ]]; then
  shift
  # Half of their time they wait for sockets and threads: three processes keep two cores busy.
  exec "$python" -m pytest -n 3 --dist worksteal -m "not model and not slow" "$@"
fi
exec "$python" -m pytest -n 2 --dist worksteal "$@"
