from __future__ import annotations

import resource
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from edge.device.hardening import keep_out_of_swap
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
locked = keep_out_of_swap()
picture = bytearray(5_000_000)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(locked, int(status["VmLck"].split()[0]) > 5000)
"""


def lock(limit: int) -> str:
    result = subprocess.run([sys.executable, "-c", PROGRAM, str(limit)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_memory_that_is_taken_later_is_locked_too() -> None:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] != resource.RLIM_INFINITY:
        pytest.skip("this user may not lock memory without limit")
    assert lock(resource.RLIM_INFINITY) == "True True"


def test_under_a_limit_nothing_is_locked_and_memory_can_still_be_had() -> None:
    assert lock(4096) == "False False"
