#!/usr/bin/env bash
# Starts the speech service; the first time, sets up everything it needs. Settings: docs/settings.md, or --help.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/scripts/environment.sh"
source "$root/scripts/jemalloc.sh"
start_installing_jemalloc # beside pip, which takes longer
prepare_environment requirements.txt
preload_jemalloc
# exec: signals reach Python, and the host finds the process by the name of its script.
exec "$python" "$root/kokoro_service.py" "$@"
