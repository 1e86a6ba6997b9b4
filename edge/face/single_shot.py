"""The finder of our own: one look of a small network at the whole of what it is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge import resources
from edge.errors import ModelError
from edge.face.grid import SIDE, decode, fitted, prepare
from edge.face.search import moved
from edge.inference import Model
from edge.readings import Face

Luma = NDArray[np.uint8]


class SingleShot:
    """A Finder for faces that are at least `SMALLEST` of SIDE high when the picture is brought to SIDE pixels."""

    def __init__(self, min_score: float = 0.5, min_size: float = 0.0, folder: Path | None = None) -> None:
        folder = folder or resources.models() / "finder"
        self._model = Model(folder)
        preprocessing = self._model.manifest.preprocessing
        try:
            self._middle = float(preprocessing["middle"])
            side = int(preprocessing["side"])
        except KeyError as missing:
            raise ModelError(f"{folder}/manifest.json: preprocessing lacks {missing}") from None
        if side != SIDE:
            raise ModelError(f"{folder}: takes pictures of {side} pixels, not {SIDE}")
        self._min_score, self._min_size = min_score, min_size

    def find(self, luma: Luma) -> list[Face]:
        """Faces in pixels of `luma`, the surest first."""
        if min(luma.shape) == 0:
            return []
        square, scale = fitted(luma)
        found = [moved(face, scale, 0.0, 0.0) for face in self.look(square)]
        return [face for face in found if face.box.height >= self._min_size]

    def look(self, square: Luma) -> list[Face]:
        """Faces in a picture of SIDE x SIDE pixels."""
        said = self._model.run({"image": prepare(square)})
        return decode(said["score"][0, :, :, 0], said["box"][0], said["landmarks"][0], self._min_score, self._middle)
