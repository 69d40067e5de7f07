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

_show_progress() { # a line every ten seconds of what pip, which writes to the file $1, does; until it is killed
    local last seconds=0
    trap 'kill $(jobs -p) 2>/dev/null; exit' TERM
    while kill -0 $$ 2>/dev/null; do
        sleep 10 &
        wait "$!" || true
        seconds=$((seconds + 10))
        last=$(grep -E '^ *(Collecting|Downloading|Using cached|Building|Installing) ' "$1" | tail -n 1 | cut -c -90) || true
        echo "  $seconds s: ${last:-pip is starting}" >&2
    done
}

# The requirements file $1, in the versions of constraints.txt; what pip says goes to a file, and is shown if it fails.
_install() {
    local log="$venv/pip.log" status=0
    echo "installing the packages of $1 (the first time: about 1 GB, several with CUDA; minutes)" >&2
    # Of what pip would compile beforehand, a third of its time, the service imports little, which compiles itself.
    "$python" -m pip install --disable-pip-version-check --no-compile --progress-bar off \
        --constraint "$root/constraints.txt" -r "$root/$1" >"$log" 2>&1 &
    _pip=$!
    _show_progress "$log" &
    _progress=$!
    trap 'kill "$_pip" "$_progress" 2>/dev/null' EXIT # whatever ends this shell ends them
    wait "$_pip" || status=$?
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
