"""A full-integer .tflite file, shipped with its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge.face.crop import MARGIN
from edge.readings import LABELS
from models.common.manifest import write_manifest
from models.face.network import SIDE

FILE = "face.tflite"


def add_to_logits(model: Any, offsets: NDArray[np.float32]) -> None:
    """Fold constant offsets into the last layer."""
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, bias + offsets])


def ship(folder: Path, content: bytes, *, version: str, temperature: float, notes: dict[str, Any]) -> None:
    """Write the file and its manifest; `notes` on how it was made go beside the preprocessing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(content)
    interpreter = Interpreter(model_content=content)
    write_manifest(
        folder,
        name="face",
        version=version,
        file=FILE,
        labels=LABELS,
        inputs={"image": interpreter.get_input_details()[0]["name"]},
        outputs={"logits": interpreter.get_output_details()[0]["name"]},
        preprocessing={"side": SIDE, "margin": MARGIN, "normalise": "per-image mean and spread", **notes},
        temperature=temperature,
    )
