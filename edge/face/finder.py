"""Where are faces? The interface, and the choice of who answers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.readings import Face


class Finder(Protocol):
    """Finds faces in a grey picture. Not to be shared between threads."""

    def find(self, luma: NDArray[np.uint8]) -> list[Face]:
        """Boxes in pixels of `luma`, brows to chin, about 0.75 as wide as high; the surest first."""
        ...


def finder(min_score: float = 0.5, min_size: int = 20) -> Finder:
    """The best finder there is here, for faces of at least `min_size` pixels of height in the picture it is given."""
    from edge.face.haar import HaarFinder

    return HaarFinder(min_score, min_size)
