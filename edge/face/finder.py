"""Where are faces? One look of a small network of our own at all of what it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edge.device import resources
from edge.errors import ModelError
from edge.face.grid import LEAST_SPREAD, SIDE, decode, fitted
from edge.face.pixels import Luma, resized, resized_by_area, standardised
from edge.inference import CPU, Model, Runtime
from edge.readings import Box, FoundFace


class Finder(Protocol):
    """Finds faces in a grey picture. Not to be shared between threads."""

    def find(self, luma: Luma) -> list[FoundFace]:
        """Boxes in pixels of `luma`, brows to chin, about 0.75 as wide as high; the surest first."""
        ...


class SingleShot:
    """A Finder for large faces, a fifth of the picture or more: what is given is brought to SIDE pixels.

    Smaller ones are found in parts of the picture: see `edge.face.search`.
    """

    def __init__(
        self, min_score: float = 0.5, folder: Path | None = None, runtime: Runtime = CPU, *, quick: bool = False
    ) -> None:
        """`quick` makes pictures smaller at less cost and a little less well: for a stream of frames."""
        folder = folder or resources.models() / "finder"
        self._model = Model(folder, runtime)
        preprocessing = self._model.manifest.preprocessing
        try:
            self._middle = float(preprocessing["middle"])
            side = int(preprocessing["side"])
        except KeyError as missing:
            raise ModelError(f"{folder}/manifest.json: preprocessing lacks {missing}") from None
        if side != SIDE:
            raise ModelError(f"{folder}: takes pictures of {side} pixels, not {SIDE}")
        self._min_score = min_score
        self._resize = resized if quick else resized_by_area

    def find(self, luma: Luma) -> list[FoundFace]:
        """Faces in pixels of `luma`, the surest first."""
        square, scale = fitted(luma, self._resize)
        return [moved(face, scale, 0.0, 0.0) for face in self.look(square)]

    def look(self, square: Luma) -> list[FoundFace]:
        """Faces in a picture of SIDE x SIDE pixels."""
        said = self._model.run({"image": standardised(self._model, square, LEAST_SPREAD)})
        return decode(said["score"][0, :, :, 0], said["box"][0], said["landmarks"][0], self._min_score, self._middle)


def moved(face: FoundFace, scale: float, left: float, top: float) -> FoundFace:
    """A face of a part that begins at (left, top) and was brought to `scale`, as it lies in the whole."""
    box = face.box
    return FoundFace(
        Box(left + box.x / scale, top + box.y / scale, box.width / scale, box.height / scale),
        face.score,
        tuple((left + x / scale, top + y / scale) for x, y in face.landmarks),
    )
