# Sourced by start-kokoro.sh after environment.sh: jemalloc, under which the service takes 1.5 GB at most in place of 3.
# KOKORO_JEMALLOC is off (do without), a library's path, or unset (found, or installed once where that can be done).
# shellcheck shell=bash disable=SC2154  # $venv and $python are environment.sh's

_jemalloc_tried="$venv/.jemalloc-tried"
_jemalloc_installer=

_find_jemalloc() {
    local ldconfig
    if [ -n "${KOKORO_JEMALLOC:-}" ]; then
        echo "$KOKORO_JEMALLOC"
    elif ldconfig=$(command -v ldconfig || command -v /sbin/ldconfig); then
        "$ldconfig" -p 2>/dev/null | grep -o '/.*/libjemalloc\.so\.2$' || true
    else
        compgen -G '/usr/lib*/libjemalloc.so.2' || compgen -G '/usr/lib/*/libjemalloc.so.2' || true
    fi
}

_is_wanted() {
    # macOS preloads only into programs that are not protected, and its own allocator gives memory back.
    [[ $OSTYPE == linux* ]] && [ "${KOKORO_JEMALLOC:-}" != off ]
}

_install_jemalloc() {
    local apt_get=(apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o DPkg::Lock::Timeout=30)
    local install=("${apt_get[@]}" install -y --no-install-recommends libjemalloc2)
    export DEBIAN_FRONTEND=noninteractive
    "${install[@]}" || { "${apt_get[@]}" update && "${install[@]}"; }
}

# Begins to install jemalloc, once, where it is missing, this is Debian or Ubuntu and the user is root.
start_installing_jemalloc() {
    if _is_wanted && [ ! -e "$_jemalloc_tried" ] && [ -z "$(_find_jemalloc)" ] &&
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing libjemalloc2 (KOKORO_JEMALLOC=off: do without)" >&2
        _install_jemalloc >/dev/null 2>&1 &
        _jemalloc_installer=$!
    fi
}

# Has the program that is executed next use jemalloc; says in a line what it means where it cannot.
preload_jemalloc() {
    local library
    if [ -n "$_jemalloc_installer" ]; then
        wait "$_jemalloc_installer" || true
        touch "$_jemalloc_tried"
    fi
    _is_wanted || return 0
    while read -r library; do
        # A library for another processor or another size of pages is there, but does not work.
        if LD_PRELOAD="$library" "$python" -c 'import ctypes; ctypes.CDLL(None).mallctl' 2>/dev/null; then
            export LD_PRELOAD="$library${LD_PRELOAD:+:$LD_PRELOAD}"
            # Two threads compute; what they free goes back to the system after a second.
            export MALLOC_CONF="${MALLOC_CONF:-narenas:2,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0}"
            return
        fi
    done < <(_find_jemalloc)
    echo "without jemalloc: up to 3 GB of memory, in place of 1.5 (Debian, Ubuntu: apt-get install libjemalloc2)" >&2
}
