"""From the student in PyTorch over Keras to a full-integer .tflite file with its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from edge.face.crop import MARGIN
from edge.readings import LABELS
from models.common.manifest import write_manifest
from models.face.network import build
from models.face.shape import SIDE

FILE = "face.tflite"


def carry_over(learned: Any) -> Any:
    """The Keras model with the weights of the student. Both list their layers in the same order."""
    model = build()
    theirs = [layer for layer in learned.trunk.modules() if hasattr(layer, "weight")] + [learned.head]
    ours = [layer for layer in model.layers if layer.weights]
    for mine, other in zip(ours, theirs, strict=True):
        state = {name: value.numpy() for name, value in other.state_dict().items()}
        kernel = state["weight"]
        if isinstance(mine, tf.keras.layers.BatchNormalization):
            mine.set_weights([kernel, state["bias"], state["running_mean"], state["running_var"]])
        elif isinstance(mine, tf.keras.layers.Dense):
            mine.set_weights([kernel.T, state["bias"]])
        else:  # depthwise kernels too have their only input channel second
            axes = (2, 3, 0, 1) if isinstance(mine, tf.keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
            mine.set_weights([kernel.transpose(axes)])
    return model


def one_face(model: Any) -> Any:
    """The same for exactly one picture at a time."""
    image = tf.keras.layers.Input((SIDE, SIDE, 1), batch_size=1, name="image")
    return tf.keras.Model(image, model(image), name="one_face")


def write(
    folder: Path,
    content: bytes,
    *,
    version: str,
    temperature: float,
    natural: dict[str, float],
    notes: dict[str, Any],
) -> None:
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
        natural_prior=natural,
    )
