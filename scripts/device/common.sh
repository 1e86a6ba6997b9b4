# Shared by the parts of scripts/device-test that work with Debian systems of their own: which there are, where they
# are kept, how a program of another processor runs here.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

cache=${EMOTION_EDGE_TREES:-${XDG_CACHE_HOME:-$HOME/.cache}/emotion-edge/trees}

# number_of RELEASE, python_of RELEASE: Debian's number and Python's version.
number_of() { case $1 in bookworm) echo 12 ;; trixie) echo 13 ;; *) return 1 ;; esac }
python_of() { case $1 in bookworm) echo 3.11 ;; trixie) echo 3.13 ;; *) return 1 ;; esac }

# Lets this kernel run arm64 programs, as RELEASE needs it. The interpreter is opened now ("F"), so that a tree needs no
# copy of it; what is registered last is asked first.
enable_arm64() { # enable_arm64 RELEASE
    local formats=/proc/sys/fs/binfmt_misc ours=emotion-edge-arm64 magic mask qemu
    [ "$(uname -m)" != aarch64 ] || return 0
    qemu=$(emulator "$1") || return 1
    [ -e $formats/register ] || mount -t binfmt_misc binfmt_misc $formats 2>/dev/null || return 1
    [ ! -e $formats/$ours ] || echo -1 >$formats/$ours
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":$ours:M::$magic:$mask:$qemu:OCF" >$formats/register
}

# The path of qemu-user. systemd 256 and later start processes in a way that Debian 12's cannot, so for Debian 13 it is
# Debian 13's own, which is linked statically; fetched once and not installed.
emulator() { # emulator RELEASE
    local qemu=qemu-aarch64-static kept=$cache/qemu-user
    command -v $qemu >/dev/null || apt_install qemu-user-static >&2 || return 1
    qemu=$(command -v $qemu)
    if [ "$1" = bookworm ] || [ "$("$qemu" --version | sed -n 's/.* version \([0-9]*\).*/\1/p')" -ge 10 ]; then
        echo "$qemu"
        return
    fi
    [ -x "$kept/usr/bin/qemu-aarch64" ] || fetch_qemu "$kept" >&2 || return 1
    echo "$kept/usr/bin/qemu-aarch64"
}

fetch_qemu() { # fetch_qemu FOLDER
    local apt=$1.apt archive options
    archive=$(apt_archive)
    rm -rf "$1" "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main" \
        >"$apt/sources.list"
    options=(-q -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    (cd "$apt" && apt-get "${options[@]}" update && apt-get "${options[@]}" download qemu-user) &&
        dpkg-deb -x "$apt"/qemu-user_*.deb "$1"
    rm -rf "$apt"
    [ -x "$1/usr/bin/qemu-aarch64" ]
}
