#!/bin/sh
# What a container is, by its first argument:
#
#   room ARGUMENTS           a node of a Ray cluster, where rooms run; `ray start` takes them: --head, or --address HEAD:6379
#   door HEAD:6379 FLAGS     the service, which speaks through the rooms of that cluster
#   FLAGS                    the service alone
#
# exec: signals reach the process, and the host finds the service by the name of its script.
set -eu

# Windows of audio are too small for Ray's shared memory: it gets the least that it takes.
ray_options="--object-store-memory 80000000"

case "${1:-}" in
    room)
        shift
        # shellcheck disable=SC2086  # several options in one variable
        exec ray start --block $ray_options "$@"
        ;;
    door)
        head=${2:?door needs the address of the head, HOST:PORT}
        shift 2
        # shellcheck disable=SC2086
        ray start $ray_options --num-cpus 0 --address "$head"
        exec python kokoro_service.py --cluster auto "$@"
        ;;
    *)
        exec python kokoro_service.py "$@"
        ;;
esac
