"""What a look and a listen are worth, as pure functions."""

from __future__ import annotations

import numpy as np
import pytest

from edge.readings import Box, FoundFace
from edge.wizard.judging import Block, aimed, heard

GREY = np.random.default_rng(1).integers(90, 160, (240, 320), dtype=np.uint8)


def face(x: float, y: float, height: float) -> FoundFace:
    return FoundFace(Box(x, y, 0.75 * height, height), 0.9, ())


@pytest.mark.parametrize(
    ("faces", "verdict"),
    [
        ([], "nobody"),
        ([face(100, 60, 100)], "good"),
        ([face(100, 60, 20)], "too_small"),
        ([face(10, 10, 20), face(100, 60, 100)], "good"),
        ([face(-8, 60, 100)], "at_edge"),
        ([face(100, 180, 100)], "at_edge"),
    ],
)
def test_the_largest_face_is_judged(faces: list[FoundFace], verdict: str) -> None:
    assert aimed(GREY, faces, 2.0, 40.0).verdict == verdict


def test_light_counts_where_the_face_is() -> None:
    dark, bright = GREY.copy(), GREY.copy()
    dark[60:160, 100:175] = 8
    bright[60:160, 100:175] = 254
    assert aimed(dark, [face(100, 60, 100)], 2.0, 40.0).verdict == "too_dark"
    assert aimed(bright, [face(100, 60, 100)], 2.0, 40.0).verdict == "too_bright"


def test_sizes_are_those_of_the_cameras_picture_and_boxes_are_fractions() -> None:
    found = aimed(GREY, [face(80, 60, 24)], 2.5, 70.0)
    assert (found.verdict, found.size, found.wanted) == ("too_small", 60, 70)
    assert found.box == (0.25, 0.25, 18 / 320, 0.1)


@pytest.mark.parametrize(
    ("blocks", "verdict"),
    [
        ([], "nothing"),
        ([Block(-120, 0, 0)] * 9, "nothing"),
        ([Block(-3, 0.2, 1)] * 9, "clipped"),
        ([Block(-85, 0, 0)] * 9, "faint"),
        ([Block(-40, 0, 0.1)] * 9, "no_voice"),
        ([*[Block(-60, 0, 0)] * 9, Block(-30, 0, 0.9)], "good"),
    ],
)
def test_what_was_heard(blocks: list[Block], verdict: str) -> None:
    assert heard(blocks) == verdict
