"""Space-time interest points (Laptev 2005): corners of a sequence in space and time, and what is around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq
from scipy.ndimage import gaussian_filter, maximum_filter

from edge.inference import Floats

_SIGMA, _TAU = 1.5, 1.2  # of the smoothing in space and in time
_WIDER = 2.0  # how much further a corner is looked at
_K = 0.005  # how much a corner must differ from an edge
_AROUND = (4, 8, 8)  # frames and pixels on each side that a point is described by
_CELLS = (2, 3, 3)
_ORIENTATIONS = 4
NUMBERS = _CELLS[0] * _CELLS[1] * _CELLS[2] * (_ORIENTATIONS + 2)  # of a descriptor
Points = NDArray[np.int64]  # rows of frame, row, column


def interest_points(sequence: Floats, most: int = 16) -> Points:
    """Of (frames, height, width), the strongest first."""
    slopes = _slopes(sequence)
    wider = (_WIDER * _TAU, _WIDER * _SIGMA, _WIDER * _SIGMA)
    moments = {(a, b): gaussian_filter(slopes[a] * slopes[b], wider) for a in range(3) for b in range(a, 3)}
    xx, yy, tt, xy, xt, yt = (moments[pair] for pair in ((2, 2), (1, 1), (0, 0), (1, 2), (0, 2), (0, 1)))
    determinant = xx * (yy * tt - yt**2) - xy * (xy * tt - yt * xt) + xt * (xy * yt - yy * xt)
    corner = determinant - _K * (xx + yy + tt) ** 3
    largest = (corner == maximum_filter(corner, 5)) & (corner > 0)
    found = np.argwhere(largest)
    strength = corner[largest]
    return np.asarray(found[np.argsort(-strength, kind="stable")[:most]], np.int64)


def described(sequence: Floats, points: Points) -> Floats:
    """(points, NUMBERS): in cells around each, how much slopes in each direction, and grows brighter and darker."""
    time, rows, columns = _slopes(sequence)
    steep = np.hypot(rows, columns)
    way = np.asarray(np.floor(np.mod(np.arctan2(rows, columns), np.pi) / np.pi * _ORIENTATIONS), np.int64)
    way = np.minimum(way, _ORIENTATIONS - 1)
    channels = [np.where(way == number, steep, 0) for number in range(_ORIENTATIONS)]
    maps = np.stack([*channels, np.maximum(time, 0), np.maximum(-time, 0)])
    padded = np.pad(maps, [(0, 0), *((around, around) for around in _AROUND)])
    rows_of = [_cells(padded, point) for point in points]
    return np.asarray(rows_of, np.float32).reshape(-1, NUMBERS)


def _slopes(sequence: Floats) -> list[NDArray[np.float64]]:
    smooth = gaussian_filter(sequence.astype(np.float64), (_TAU, _SIGMA, _SIGMA))
    return [np.asarray(one) for one in np.gradient(smooth)]


def _cells(padded: NDArray[np.float64], point: NDArray[np.int64]) -> NDArray[np.float64]:
    """`padded` by as much as is looked at, so a point's number is where its surroundings begin."""
    time, row, column = (slice(at, at + 2 * far) for at, far in zip(point, _AROUND, strict=True))
    part = padded[:, time, row, column]
    for axis, cells in enumerate(_CELLS, 1):
        edges = np.linspace(0, part.shape[axis], cells + 1).astype(int)[:-1]
        part = np.add.reduceat(part, edges, axis=axis)
    flat = part.ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-9))


def codebook(descriptors: Floats, words: int) -> Floats:
    """Typical descriptors, by k-means."""
    centres, _ = kmeans2(descriptors.astype(np.float64), words, minit="++", seed=0)
    return np.asarray(centres, np.float32)


def bag_of_words(descriptors: Floats, book: Floats) -> Floats:
    """The square root of how often each word of the book is said; zeros where there is no point."""
    if not len(descriptors):
        return np.zeros(len(book), np.float32)
    said, _ = vq(descriptors, book)
    return np.asarray(np.sqrt(np.bincount(said, minlength=len(book)) / len(said)), np.float32)
