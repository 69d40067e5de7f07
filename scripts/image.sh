#!/usr/bin/env bash
# Builds the image for processors, runs it as docs/deployment.md says, has it speak, and stops it by SIGTERM.
# Arguments go to the build. CONTAINER_TOOL is podman (the default) or docker; RUN_OPTIONS go to the run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool=${CONTAINER_TOOL:-podman}
image=kokoro-telephony:cpu
name=kokoro-telephony-$$
volume=kokoro-telephony-try # kept: a second run fetches no weights
# Beside a service that runs on this machine.
ports=(-e KOKORO_TCP_PORT=18090 -e KOKORO_UDP_PORT=23001 -e KOKORO_HTTP_PORT=18000)
export BUILDAH_FORMAT=docker # podman: the other format has no health check

say() {
    echo "[$SECONDS s] $*"
}

in_container() {
    "$tool" exec "$name" "$@"
}

"$tool" build --file deploy/Containerfile --target cpu --tag "$image" "$@" .
say "built: $(("$("$tool" image inspect --format '{{.Size}}' "$image")" / 1000000)) MB"

trap '"$tool" rm --force "$name" >/dev/null 2>&1 || true' EXIT
# shellcheck disable=SC2086  # several options in one variable
"$tool" run --detach --name "$name" --network host --read-only --tmpfs /tmp --volume "$volume:/var/lib/kokoro-telephony" \
    --stop-timeout 45 "${ports[@]}" ${RUN_OPTIONS:-} "$image" >/dev/null
say "started, as $(in_container id -un)"
until state=$(in_container python deploy/healthcheck.py); do
    [ "$("$tool" inspect --format '{{.State.Running}}' "$name")" = true ] || { "$tool" logs "$name" && exit 1; }
    sleep 1
done
say "healthy: $state"
pgrep -f kokoro_service.py >/dev/null && say "found by pgrep -f kokoro_service.py"
in_container python -m telephony.say "Hello, over TCP."
in_container python -m telephony.say --voice af_sky "Hello, over a WebSocket."
if in_container touch written 2>/dev/null; then
    say "error: it can write beside its code" && exit 1
fi
say "stopping"
"$tool" stop "$name" >/dev/null
status=$("$tool" inspect --format '{{.State.ExitCode}}' "$name")
say "stopped, exit status $status"
"$tool" logs "$name" 2>&1 | grep -E 'ready:|event=(allocator|engine_loaded|stopping|stopped)'
exit "$status"
