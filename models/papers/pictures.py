"""FER2013's faces with its own labels, learned from and judged on its own parts, and the networks that read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from edge.inference import Floats
from edge.readings import LABELS
from models.face import data as fer
from models.papers.fit import Classes, Outcome, Vary, trained
from models.papers.networks import Faces
from models.papers.section import Asked
from models.papers.splits import Rows

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Pixels:
    """Numbers from -1 to 1, labels in our order."""

    values: Floats  # faces x 48 x 48
    truth: Classes
    split: tuple[Rows, Rows]

    @classmethod
    def of(cls, learn: fer.Faces, held: fer.Faces, most: int) -> Pixels:
        """At most so many to learn from, and a third as many to judge by."""
        parts = [_thinned(one, most // (1 if one is learn else 3)) for one in (learn, held)]
        truth = np.concatenate([labels for _, labels in parts])
        first = len(parts[0][1])
        pictures = np.concatenate([one for one, _ in parts])
        return cls(scaled(pictures), truth, (np.arange(first), np.arange(first, len(truth))))

    @property
    def grey(self) -> Grey:
        """As they were."""
        return np.asarray(np.rint((self.values + 1) * 127.5), np.uint8)

    def changed(self, change: Callable[[Grey], Grey]) -> Pixels:
        """Each picture changed, to learn from and to judge by."""
        return replace(self, values=scaled(np.stack([change(one) for one in self.grey])))


def scaled(pictures: Grey) -> Floats:
    return np.asarray(pictures.astype(np.float32) / 127.5 - 1, np.float32)


def _thinned(pictures: fer.Faces, most: int) -> tuple[Grey, Classes]:
    rows = np.random.default_rng(0).permutation(len(pictures.images))[:most]
    return pictures.images[rows], pictures.label[rows]


@cache
def pixels(asked: Asked) -> Pixels:
    """Read once."""
    folder = fer.find(asked.data)
    return Pixels.of(fer.load(folder, "Training"), fer.load(folder, "PublicTest"), asked.faces)


def cleaned(picture: Grey) -> Grey:
    """Noise removed by a median, brightness spread evenly."""
    return np.asarray(cv2.equalizeHist(cv2.medianBlur(picture, 3)), np.uint8)


def mirrored_and_moved(pictures: torch.Tensor) -> torch.Tensor:
    """Half of them mirrored, each moved by up to four pixels."""
    count, side = len(pictures), pictures.shape[-1]
    turned = torch.where(torch.rand(count, 1, 1) < 0.5, pictures.flip(2), pictures)
    padded = torch.nn.functional.pad(turned[:, None], (4, 4, 4, 4), mode="replicate")[:, 0]
    rows, columns = (torch.randint(0, 9, (count, 1)) + torch.arange(side) for _ in range(2))
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def convolutional(
    faces: Pixels, asked: Asked, kind: str, *, separable: bool = False, points: Floats | None = None,
    vary: Vary | None = None,
) -> tuple[Faces, Outcome]:  # fmt: skip
    """2D-CNN over FER2013, full or depthwise-separable, with landmarks beside it where given; kept under `kind`."""
    path = asked.file(kind, ".pt")
    torch.manual_seed(0)
    net = Faces(len(LABELS), separable=separable, points=0 if points is None else points.shape[1])
    if path.is_file():
        told = torch.load(path, weights_only=True)
        net.load_state_dict(told["net"])
        truth = faces.truth[faces.split[1]]
        return net, Outcome(truth, told["guess"].numpy(), len(LABELS), [(a, b) for a, b in told["curve"]])
    found = trained(
        net, inputs(faces, points), faces.truth, faces.split, epochs=asked.epochs, vary=vary,
        path=asked.file(kind, ".epochs"),
    )  # fmt: skip
    asked.work.mkdir(parents=True, exist_ok=True)
    told = {"net": net.state_dict(), "guess": torch.from_numpy(found.guess), "curve": found.curve}
    torch.save(told, path)
    return net, found


def inputs(faces: Pixels, points: Floats | None) -> Floats:
    """A row for each face: its pixels, and its landmarks behind them."""
    if points is None:
        return faces.values
    return np.concatenate((faces.values.reshape(len(faces.values), -1), points), axis=1)
