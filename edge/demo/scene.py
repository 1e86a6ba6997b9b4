"""A moving scene for those without a camera: a portrait, panned and zoomed, that leaves view once a minute."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from edge.errors import CaptureError
from edge.readings import Image

SECONDS = 60.0
AWAY = (40.0, 47.0)  # seconds during which the person is out of view; gliding out and in takes one more each
_FACE = (222.0, 118.0)  # centre of the face in the portrait, which is 512 x 512

_MISSING = (
    "the sample scene needs the portrait that scikit-image ships: `pip install scikit-image`, "
    "or set camera.source to a camera, a video file or a folder of pictures"
)


def portrait() -> Image:
    """The public-domain picture of Eileen Collins. The package itself, which is large, is not imported."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise CaptureError(_MISSING)
    try:
        raw = (Path(package.origin).parent / "data" / "astronaut.png").read_bytes()
    except OSError as error:
        raise CaptureError(_MISSING) from error
    image = cv2.imdecode(np.frombuffer(_without_profile(raw), dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise CaptureError(_MISSING)
    return cast(Image, image)


def background(width: int, height: int) -> Image:
    """A plain wall, lighter at the top."""
    shade = np.linspace(150, 90, height).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(shade[:, None, None], (height, width, 3)))


def picture(person: Image, wall: Image, time: float) -> Image:
    """The scene at `time` seconds: a pure function, so every run sees the same."""
    height, width = wall.shape[:2]
    scale = height / 480 * (1.3 + 0.3 * math.sin(2 * math.pi * time / 20))
    x = width * (0.5 + 0.16 * math.sin(2 * math.pi * time / 12) + 1.5 * away(time))
    y = height * (0.42 + 0.06 * math.sin(2 * math.pi * time / 7.5))
    move = np.array([[scale, 0.0, x - scale * _FACE[0]], [0.0, scale, y - scale * _FACE[1]]])
    view = wall.copy()
    cv2.warpAffine(person, move, (width, height), view, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return view


def away(time: float) -> float:
    """0 in view, 1 out of view, gliding for a second between."""
    leave, come = AWAY
    within = time % SECONDS
    share = min(1.0, max(0.0, min(within - leave + 1.0, come + 1.0 - within)))
    return 0.5 - 0.5 * math.cos(math.pi * share)


def _without_profile(png: bytes) -> bytes:
    """The file without its colour profile, of which libpng would complain on stderr at every start."""
    begin = png.find(b"iCCP") - 4
    if begin < 8:
        return png
    length = int.from_bytes(png[begin : begin + 4], "big")
    return png[:begin] + png[begin + 12 + length :]
