from __future__ import annotations

import numpy as np

from edge.device.hardening import HeapTrimmer, trim_heap
from edge.service.health import resident_mb


def test_it_is_given_back_every_hour_and_soon_when_asked() -> None:
    given: list[float] = []
    now = 100.0
    keeper = HeapTrimmer(now, lambda: given.append(now))
    for now in (100.0, 3_000.0, 3_700.0, 3_701.0, 7_000.0, 7_300.0):
        keeper.tick(now)
    assert given == [3_700.0, 7_300.0]
    keeper.trim_soon(7_400.0)
    for now in (7_401.0, 7_402.0, 7_403.0):
        keeper.tick(now)
    assert given[2:] == [7_402.0]


def test_holes_in_the_heap_go_back_to_the_system() -> None:
    blocks = [np.ones(12_000, np.uint8) for _ in range(4_000)]
    full = resident_mb()
    kept = blocks[::2]
    del blocks
    trim_heap()
    assert resident_mb() < full - 10
    assert sum(int(block[0]) for block in kept) == len(kept)
