# Sourced by the other scripts: the virtual environment, made and filled once.
# shellcheck shell=bash
# After `prepare_environment FILE...`, $python is its interpreter and every requirements FILE is installed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/venv-kokoro"
python="$venv/bin/python"

_is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

_find_python() {
    local candidate
    for candidate in ${KOKORO_PYTHON:-} python3.11 python3.12 python3.10 python3; do
        if _is_supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "error: Kokoro needs Python 3.10, 3.11 or 3.12 and none is on the PATH; install one, or name one in KOKORO_PYTHON" >&2
    return 1
}

_progress_of_pip() { # what pip, which writes to the file $1, is doing, and how far it is
    local last all each count=0
    last=$(grep -E '^ *(Collecting|Processing|Downloading|Using cached|Building|Installing) ' "$1" | tail -n 1) || true
    case $last in
        '') echo "pip is starting" ;;
        "Installing collected packages: "*)
            read -r -a all <<<"${last#*: }"
            for each in "$venv"/lib/python3.*/site-packages/*.dist-info; do
                if [ "$each" -nt "$venv/.installing" ]; then count=$((count + 1)); fi
            done
            echo "Installing, $count of ${#all[@]} packages"
            ;;
        *)
            count=$(grep -cE '^(Collecting|Processing) ' "$1") || true
            echo "${last:0:90} (package $count)"
            ;;
    esac
}

_installer=

_show_progress() { # a line every ten seconds of what pip, which writes to the file $1, does; until it is killed
    local seconds=0
    trap 'kill $(jobs -p) 2>/dev/null; exit' TERM
    while kill -0 $$ 2>/dev/null; do
        sleep 10 &
        wait "$!" || true
        seconds=$((seconds + 10))
        echo "  $seconds s: $(_progress_of_pip "$1")" >&2
    done
}

_watch() { # runs a command that writes to $log; whatever ends this shell ends it
    touch "$venv/.installing"
    "$@" >>"$log" 2>&1 &
    _installer=$!
    wait "$_installer"
}

# Of what pip would compile beforehand, a third of its time, the service imports little, which compiles itself.
_pip() { # in the versions of constraints.txt
    _watch "$python" -m pip install --disable-pip-version-check --no-compile --progress-bar off \
        --constraint "$root/constraints.txt" "$@"
}

_wants_cpu_torch() {
    case ${KOKORO_TORCH:-} in
        cpu) ;;
        cuda) return 1 ;;
        '') [[ $OSTYPE == linux* ]] && ! command -v nvidia-smi >/dev/null && [ ! -e /proc/driver/nvidia/version ] ;;
        *)
            echo "error: KOKORO_TORCH='$KOKORO_TORCH': must be cpu or cuda" >&2
            exit 2
            ;;
    esac
}

_install_cpu_torch() { # version $1, from an index that pip has been told of, or from PyTorch's own, which uv knows
    if [ -z "${KOKORO_TORCH:-}" ]; then
        echo "no NVIDIA GPU: torch is its CPU build, several GB smaller (KOKORO_TORCH=cuda: the usual one)" >&2
    fi
    _pip --no-deps "torch==$1+cpu" && return
    _pip --no-deps uv &&
        _watch "$python" -m uv pip install --python "$python" --no-deps --torch-backend cpu "torch==$1" && return
    echo "the CPU build of torch could not be fetched; the usual one follows" >&2
}

# The requirements file $1; what pip says goes to a file, and is shown if it fails.
_install() {
    local log="$venv/pip.log" status=0 torch
    echo "installing the packages of $1 (the first time: about 1 GB, several with CUDA; minutes)" >&2
    : >"$log"
    _show_progress "$log" &
    _progress=$!
    trap 'kill "$_installer" "$_progress" 2>/dev/null' EXIT # whatever ends this shell ends them
    torch=$(grep -E '^torch==' "$root/$1" | cut -d = -f 3) || true
    if [ -n "$torch" ] && _wants_cpu_torch; then
        _install_cpu_torch "$torch"
    fi
    _pip -r "$root/$1" || status=$?
    trap - EXIT
    { kill "$_progress" && wait "$_progress"; } 2>/dev/null || true
    if [ "$status" != 0 ]; then
        grep -v '^WARNING: ' "$log" | tail -n 20 >&2
        echo "error: pip could not install $1; all that it said is in $log" >&2
    fi
    return "$status"
}

prepare_environment() {
    local base file stamp wanted
    if ! _is_supported "$python" || ! "$python" -m pip --version >/dev/null 2>&1; then
        base=$(_find_python)
        echo "making $venv with $base" >&2
        "$base" -m venv --clear "$venv" || {
            echo "error: $base cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2
            return 1
        }
    fi
    for file in "$@"; do
        # What was installed last time, to the letter: then there is nothing to do, offline too.
        stamp="$venv/.installed-$(basename "$file")"
        wanted=$(cat "$root/$file" "$root/constraints.txt")
        if [ "$wanted" != "$(cat "$stamp" 2>/dev/null)" ]; then
            _install "$file"
            echo "$wanted" >"$stamp"
        fi
    done
}
