#!/usr/bin/env bash
# Runs every test, in two processes; arguments go to pytest (`-m "not model"` for the fast ones, `--load tests/load` for load at full size).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/scripts/environment.sh"
prepare_environment requirements.txt requirements-dev.txt
cd "$root"
exec "$python" -m pytest -n 2 --dist worksteal "$@"
