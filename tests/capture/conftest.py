"""Shared by the tests of capture: pictures, and what this process has open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.readings import Frame


@pytest.fixture
def frame() -> Callable[..., Frame]:
    def make(time: float = 0.0, value: int = 100) -> Frame:
        image = np.full((24, 32, 3), value, dtype=np.uint8)
        return Frame(time, 1, image, image[:, :, 0].copy())

    return make


@pytest.fixture
def open_files() -> Callable[[], list[str]]:
    """What the descriptors of this process lead to."""

    def look() -> list[str]:
        found = []
        for link in Path("/proc/self/fd").iterdir():
            try:
                found.append(str(link.readlink()))
            except OSError:
                continue  # the descriptor of the listing itself
        return found

    return look


@pytest.fixture
def opened_since(open_files: Callable[[], list[str]]) -> Callable[[list[str]], list[str]]:
    """What is open now and was not in an earlier list; what others closed meanwhile does not matter."""

    def look(before: list[str]) -> list[str]:
        return sorted((Counter(open_files()) - Counter(before)).elements())

    return look
