from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from edge.swap import keep_out_of_swap
if sys.argv[1] == "unlimited":
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
locked = keep_out_of_swap()
picture = bytearray(5_000_000)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(locked, int(status["VmLck"].split()[0]) > 5000)
"""


def lock(limit: str) -> str:
    result = subprocess.run([sys.executable, "-c", PROGRAM, limit], capture_output=True, text=True, check=False)
    if "ValueError" in result.stderr or "PermissionError" in result.stderr:
        pytest.skip("this user may not raise the limit of locked memory")
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_memory_that_is_taken_later_is_locked_too() -> None:
    assert lock("unlimited") == "True True"
