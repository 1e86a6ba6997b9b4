# Shared by the parts of scripts/device-test that work with Debian systems of their own: which there are, where they
# are kept, how a program of another processor runs here.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

cache=${EMOTION_EDGE_TREES:-${XDG_CACHE_HOME:-$HOME/.cache}/emotion-edge/trees}

# number_of RELEASE, python_of RELEASE: Debian's number and Python's version.
number_of() { case $1 in bookworm) echo 12 ;; trixie) echo 13 ;; *) return 1 ;; esac }
python_of() { case $1 in bookworm) echo 3.11 ;; trixie) echo 3.13 ;; *) return 1 ;; esac }

# Lets this kernel run arm64 programs. The interpreter is opened now ("F"), so that a tree needs no copy of it.
enable_arm64() {
    local formats=/proc/sys/fs/binfmt_misc magic mask qemu
    [ "$(uname -m)" != aarch64 ] || return 0
    qemu=$(command -v qemu-aarch64-static) || return 1
    [ -e $formats/register ] || mount -t binfmt_misc binfmt_misc $formats 2>/dev/null || return 1
    [ ! -e $formats/qemu-aarch64 ] || return 0
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":qemu-aarch64:M::$magic:$mask:$qemu:OCF" >$formats/register
}
