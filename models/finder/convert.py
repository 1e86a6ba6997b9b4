"""From the trained Keras network to a full-integer .tflite file with its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge.face.grid import LANDMARKS, SIDE, STRIDE
from models.common.manifest import write_manifest

FILE = "finder.tflite"
_CHANNELS = {1: "score", 4: "box", 2 * LANDMARKS: "landmarks"}


def to_int8(model: Any, examples: NDArray[np.float32]) -> bytes:
    """The network with int8 input, output, weights and activations; ranges from `examples`."""

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for example in examples:
            yield [example[np.newaxis]]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


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
