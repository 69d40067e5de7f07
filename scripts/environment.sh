# Sourced by start-kokoro.sh and run-tests.sh: the virtual environment, made and filled once.
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

prepare_environment() {
    local base file stamp
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
        if ! cmp -s "$root/$file" "$stamp"; then
            echo "installing $file (minutes, the first time)" >&2
            "$python" -m pip install --quiet --disable-pip-version-check -r "$root/$file" >&2
            cp "$root/$file" "$stamp"
        fi
    done
}
