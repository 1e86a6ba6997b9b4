"""A full-integer .tflite file, shipped with its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from edge.face.grid import LANDMARKS, SIDE, STRIDE
from models.common.manifest import write_manifest

FILE = "finder.tflite"
_CHANNELS = {1: "score", 4: "box", 2 * LANDMARKS: "landmarks"}


def ship(folder: Path, content: bytes, *, version: str, middle: float, notes: dict[str, Any]) -> None:
    """Write the file and its manifest; `middle` is the logit that counts as a score of one half."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(content)
    interpreter = Interpreter(model_content=content)
    write_manifest(
        folder,
        name="finder",
        version=version,
        file=FILE,
        labels=("face",),
        inputs={"image": interpreter.get_input_details()[0]["name"]},
        outputs={_CHANNELS[int(each["shape"][-1])]: each["name"] for each in interpreter.get_output_details()},
        preprocessing={
            "side": SIDE, "stride": STRIDE, "normalise": "per-image mean and spread", "middle": middle, **notes
        },
    )  # fmt: skip
