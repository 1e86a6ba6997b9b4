"""Squares that cover a picture, and what is found in them."""

import numpy as np
from numpy.typing import NDArray

from edge.face.search import closer, squares, within
from edge.readings import Box, FoundFace


def test_squares_cover_the_picture_and_overlap() -> None:
    chosen = squares(240, 320, 160)
    covered = np.zeros((240, 320), int)
    for left, top, side in chosen:
        assert left >= 0
        assert top >= 0
        covered[top : top + side, left : left + side] += 1
    assert covered.min() >= 1
    assert covered[80:160, 80:240].min() >= 2
    assert squares(100, 100, 128) == []
    assert closer(240, 320) == chosen


class Cut:
    """A finder that always sees one face at the right edge of what it is given."""

    def find(self, luma: NDArray[np.uint8]) -> list[FoundFace]:
        return [FoundFace(Box(luma.shape[1] - 20, 20, 20, 26), 0.9)]


def test_a_face_that_a_square_cuts_is_left_to_the_next_one() -> None:
    picture_ = np.zeros((240, 320), np.uint8)
    assert within(picture_, (0, 0, 160), Cut()) == []
    (face,) = within(picture_, (160, 0, 160), Cut())
    assert face.box.x == 300  # the edge of the picture itself cuts nothing off
