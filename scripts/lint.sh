#!/usr/bin/env bash
# Format, lint and types.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
prepare_environment requirements.txt requirements-dev.txt requirements-wyoming.txt
cd "$root"
"$python" -m ruff format --check .
"$python" -m ruff check .
"$python" -m mypy
