# Shared by the scripts: where we are, which Python, a virtual environment with what is asked for.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '· %s\n' "$*" >&2; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# step WHAT COMMAND...: run what takes long, and say for how long; what it says is shown only if it fails.
step() {
    local what=$1 log status=0 ticker="" begin=$SECONDS
    shift
    log=$(mktemp)
    say "$what"
    if [ -t 2 ]; then
        (while sleep 1 && kill -0 $$ 2>/dev/null; do printf '\r\033[1A\033[2K· %s (%d s)\n' "$what" $((SECONDS - begin)) >&2; done) &
        ticker=$!
    fi
    "$@" >"$log" 2>&1 || status=$?
    [ -z "$ticker" ] || { kill "$ticker" 2>/dev/null && wait "$ticker" 2>/dev/null || true; }
    [ $status = 0 ] || tail -n 5 "$log" >&2
    rm -f "$log"
    [ -n "$ticker" ] || [ $((SECONDS - begin)) -lt 5 ] || say "  that took $((SECONDS - begin)) s"
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
    step "installing ${missing[*]} with apt" apt_get "${missing[@]}" 2>/dev/null
}

apt_get() {
    as_root apt-get install -y -q --no-install-recommends "$@" ||
        { as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends "$@"; }
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
            "$folder/bin/python" -m pip install -q --disable-pip-version-check -e "$root${extras:+[$extras]}"
        printf '%s' "$stamp" >"$folder/installed"
    fi
}

# try_install FOLDER MODULE REQUIREMENT WHAT: one optional package; done without, with a word, if it cannot be had.
try_install() {
    "$1/bin/python" -c "import $2" 2>/dev/null && return
    "$1/bin/python" -m pip install -q --disable-pip-version-check "$3" >/dev/null 2>&1 || say "$4"
}
