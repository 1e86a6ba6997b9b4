# Shared by the scripts: where we are, which Python, a virtual environment with what is asked for.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '· %s\n' "$*" >&2; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# step TEXT COMMAND...: say what is done and, in the end, how long it took; on a terminal the seconds run along.
# What the command prints is shown only if it fails, and not even then with quiet=yes.
step() {
    local text=$1 began=$SECONDS log ticker="" status=0
    shift
    log=$(mktemp)
    if [ -t 2 ]; then
        while sleep 1; do printf '\r· %s … %d s' "$text" $((SECONDS - began)) >&2; done &
        ticker=$!
    else
        say "$text"
    fi
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ -n "$ticker" ]; then
        kill "$ticker"
        wait "$ticker" 2>/dev/null || true
        printf '\r\033[K· %s: %d s\n' "$text" $((SECONDS - began)) >&2
    elif [ $((SECONDS - began)) -gt 2 ]; then
        say "$text: $((SECONDS - began)) s"
    fi
    [ $status = 0 ] || [ -n "${quiet:-}" ] || tail -n 20 "$log" >&2
    rm -f "$log"
    return $status
}

# The newest Python from 3.10 to 3.13 that can make virtual environments, or what $PYTHON names.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# as_root COMMAND...: run it as root, if that is possible without asking anybody.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"; else
        return 1
    fi
}

# apt_install PACKAGE...: what is missing of these; fails quietly where that is not possible.
apt_install() {
    local missing=() package
    command -v apt-get >/dev/null || return 1
    for package; do dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok' || missing+=("$package"); done
    [ ${#missing[@]} = 0 ] && return 0
    as_root true || return 1
    export DEBIAN_FRONTEND=noninteractive
    quiet=yes step "installing ${missing[*]} with apt" apt_get_install "${missing[@]}"
}
apt_get_install() {
    as_root apt-get install -y -q --no-install-recommends "$@" ||
        { as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends "$@"; }
}

# apt_archive: where apt gets Debian from on this machine; $DEBIAN_MIRROR names another place.
apt_archive() {
    local place=${DEBIAN_MIRROR:-}
    [ -n "$place" ] || place=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' \
        2>/dev/null | sed -n 's/^Debian Debian //p' | head -n 1)
    [ -n "$place" ] || fail "apt is not set up with Debian's archive here: name one with DEBIAN_MIRROR="
    printf '%s\n' "${place%/}"
}

# make_venv FOLDER EXTRAS: create it once, and install again only when pyproject.toml changed.
# It sees the system's packages, because libcamera and picamera2 come only from there.
make_venv() {
    local folder=$1 extras=$2 python stamp
    if [ ! -x "$folder/bin/python" ]; then
        python=$(find_python) || { apt_install python3-venv; python=$(find_python); } ||
            fail "needs Python 3.10 to 3.13 with venv: apt install python3-venv"
        say "making $folder with $("$python" --version)"
        "$python" -m venv ${SYSTEM_SITE:+--system-site-packages} "$folder"
    fi
    stamp="$(cat "$root/pyproject.toml" | sha256sum | cut -c1-16) $extras"
    if [ "$(cat "$folder/installed" 2>/dev/null)" != "$stamp" ]; then
        step "installing Python packages into ${folder#"$root"/}: a minute, or a few on a small board" \
            "$folder/bin/python" -m pip install -q --disable-pip-version-check -e "$root${extras:+[$extras]}" ||
            fail "pip could not install them"
        printf '%s' "$stamp" >"$folder/installed"
    fi
}

# try_install FOLDER MODULE REQUIREMENT WHAT: one optional package; done without, with a word, if it cannot be had.
try_install() {
    "$1/bin/python" -c "import $2" 2>/dev/null && return
    quiet=yes step "installing ${3%%[>=<]*}" "$1/bin/python" -m pip install -q --disable-pip-version-check "$3" ||
        say "$4"
}

# split_lock LOCK FOLDER: its packages that come as wheels, and those that come as source only.
split_lock() {
    awk -v wheels="$2/wheels.txt" -v sources="$2/sources.txt" '
        /^[^ ]/ { out = /^python-speech-features==/ ? sources : wheels }
        { print >out }' "$1"
}

# find_uv: uv resolves and installs for a processor and a Python that are not ours, which pip cannot.
find_uv() {
    local uv
    for uv in uv "$root/.venv-test/bin/uv" "$root/.venv/bin/uv"; do
        if command -v "$uv"; then return; fi
    done
    make_venv "$root/.venv-test" test,check >&2 && echo "$root/.venv-test/bin/uv"
}

# dependencies: what pyproject.toml asks for, one a line; what it is built with comes after "build: ".
dependencies() {
    sed -n '/^dependencies = \[/,/^\]/s/^ *"\([^"]*\)".*/\1/p' "$root/pyproject.toml"
    sed -n '/^requires = \[/s/.*\["\([^"]*\)"\].*/build: \1/p' "$root/pyproject.toml"
}
