"""What the process asks of the kernel: all that it writes anywhere, and every file that it opens for writing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

from tests.security.media.search import Known, Searched

STRACE = shutil.which("strace")
_CALLS = (
    "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice,copy_file_range,"
    "openat,open,creat,memfd_create,connect"
)
_WRITE = re.compile(
    r"^\d+ +(write|writev|pwrite64|pwritev2?|sendto|sendmsg|sendmmsg)\((\d+)<((?:\\x[0-9a-f]{2}|[^>])*)>"
)
_OPEN = re.compile(r'^\d+ +(?:openat|open|creat)\(.*?"((?:\\x[0-9a-f]{2})*)", ([A-Z_|0-9]+)')
_OTHER = re.compile(r"^\d+ +(sendfile|splice|copy_file_range|memfd_create)\(")
_CONNECT = re.compile(r"^\d+ +connect\(\d+<[^>]*>, \{sa_family=(AF_\w+)(.*?)\}")
_LITERAL = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Traced:
    """A program that runs under strace from its first instant to its last."""

    def __init__(self, words: list[str], folder: Path, known: Known) -> None:
        self.streams: dict[str, Searched] = {}
        self.opened: set[str] = set()
        self.connected: set[str] = set()
        self.unseen: set[str] = set()  # calls that move bytes past us
        self._known = known
        self._pipe = folder / "trace"
        os.mkfifo(self._pipe)
        self.log = folder / "service.log"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert STRACE
        with self.log.open("wb") as log:
            self._strace = subprocess.Popen(
                [STRACE, "-f", "-q", "-y", "-xx", "-s", "10000000", "--seccomp-bpf", "-e", f"trace={_CALLS}",
                 "-o", str(self._pipe), *words],
                stdout=log, stderr=log,
            )  # fmt: skip

    def signal(self, number: int) -> None:
        """To the program itself."""
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self._strace.pid:
                os.kill(int(status.parent.name), number)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        try:
            status = self._strace.wait(30)
        finally:
            self._strace.kill()
        self._thread.join(30)
        self._pipe.unlink()
        return status

    def _read(self) -> None:
        cut: dict[str, str] = {}
        with self._pipe.open(errors="replace") as lines:
            for line in lines:
                number = line.partition(" ")[0]
                if line.rstrip().endswith("<unfinished ...>"):
                    cut[number] = line.rstrip().removesuffix("<unfinished ...>")
                elif "resumed>" in line[:80]:
                    self._line(cut.pop(number, number + " ") + line.partition("resumed>")[2])
                else:
                    self._line(line)

    def _line(self, line: str) -> None:
        if match := _WRITE.match(line):
            target = re.sub(r"\[?\d+\]?$", "", _plain(match[3]))
            stream = self.streams.setdefault(target, Searched(self._known, f"written to {target}"))
            for text in _LITERAL.findall(line[match.end() :]):
                stream.feed(bytes.fromhex(text.replace("\\x", "")))
        elif match := _OPEN.match(line):
            if re.search(r"O_WRONLY|O_RDWR|O_CREAT", match[2]) and "= -1 " not in line:
                self.opened.add(_plain(match[1]))
        elif match := _CONNECT.match(line):
            self.connected.add(f"{match[1]}{_plain(re.sub(r'htons|[(){}]', '', match[2]))}")
        elif match := _OTHER.match(line):
            self.unseen.add(match[1])


def _plain(text: str) -> str:
    def unhex(found: re.Match[str]) -> str:
        return bytes.fromhex(found[0].replace("\\x", "")).decode("utf-8", "replace")

    return re.sub(r"(?:\\x[0-9a-f]{2})+", unhex, text)
