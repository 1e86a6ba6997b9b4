"""From the fitted network to speech.tflite: int8, weights and activations, and its manifest."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edge.inference import Floats
from edge.readings import LABELS
from edge.speech.features import FEATURES
from edge.speech.frames import CHUNK, HOP, WINDOW
from edge.speech.spectrum import FFT, MELS
from models.common.manifest import write_manifest
from models.speech import parity
from models.speech.dataset import Copies
from models.speech.network import ChunkStep

FILE = "speech.tflite"
VERSION = "1"
_SEGMENTS = 150  # that show the converter what values occur
KINDS = ("int8", "dynamic", "float")


def convert(model: Any, copies: Copies, kind: str = "int8") -> bytes:
    """The file's bytes. `dynamic` keeps activations in float, `float` everything: both for comparison."""
    step = ChunkStep(model)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(step, folder, signatures={"serving_default": step.signature()})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if kind != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "int8":
            converter.representative_dataset = representative(step, copies)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def representative(step: ChunkStep, copies: Copies) -> Callable[[], Iterator[dict[str, Any]]]:
    """Segments of all copies, with the state as it really is when each chunk comes."""

    def chunks() -> Iterator[dict[str, Any]]:
        run = tf.function(step.step)
        draw = np.random.default_rng(0)
        for _ in range(_SEGMENTS):
            copy = int(draw.integers(len(copies.rows)))
            row = copies.rows[copy][int(draw.integers(len(copies.rows[copy])))]
            features = copies.features(copy, row, 800)
            h = c = tf.zeros((1, step.units))
            for start in range(0, len(features) - CHUNK + 1, CHUNK):
                chunk = tf.constant(features[None, start : start + CHUNK])
                yield {"features": chunk, "h": h, "c": c}
                answer = run(chunk, h, c)
                h, c = answer["h"], answer["c"]

    return chunks


def ship(model: Any, copies: Copies, cepstral_mean: Floats, temperature: float, folder: Path) -> None:
    """Write speech.tflite and manifest.json."""
    content = convert(model, copies)
    (folder / FILE).write_bytes(content)
    inputs, outputs = tensor_names(content, ChunkStep(model).units)
    write_manifest(
        folder,
        name="speech",
        version=VERSION,
        file=FILE,
        labels=LABELS,
        inputs=inputs,
        outputs=outputs,
        preprocessing={
            "window": WINDOW,
            "hop": HOP,
            "chunk": CHUNK,
            "fft": FFT,
            "mels": MELS,
            "features": FEATURES,
            "cepstral_mean": rounded(cepstral_mean),
            "mean": rounded(copies.mean),
            "deviation": rounded(copies.deviation),
        },
        temperature=temperature,
    )
    parity.write(folder, float_logits(ChunkStep(model), cepstral_mean, copies))


def float_logits(step: ChunkStep, cepstral_mean: Floats, copies: Copies) -> Floats:
    """What the network says of the synthetic voices before it is quantised."""
    rows = []
    for chunks in parity.utterance_features(cepstral_mean, copies.mean, copies.deviation):
        h = c = tf.zeros((1, step.units))
        evidence, weight = 0.0, 0.0
        for chunk in chunks:
            answer = step.step(tf.constant(chunk[None]), h, c)
            h, c = answer["h"], answer["c"]
            evidence, weight = evidence + answer["evidence"].numpy()[0], weight + answer["weight"].numpy()[0]
        rows.append(evidence / weight)
    return np.stack(rows).astype(np.float32)


def rounded(values: Floats) -> list[float]:
    return [round(float(value), 5) for value in values]


def tensor_names(content: bytes, units: int) -> tuple[dict[str, str], dict[str, str]]:
    """Our names to the file's own. The signature knows them; the plain list does not."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    outputs = interpreter.get_output_details()
    taken = [detail["name"] for detail in interpreter.get_input_details()]
    found = {name: full for name in ("features", "h", "c") for full in taken if f"_{name}:" in full}
    runner = interpreter.get_signature_runner()
    named = runner.get_output_details()
    assert {detail["name"] for detail in named.values()} == {detail["name"] for detail in outputs}  # noqa: S101
    assert named["h"]["shape"][1] == units  # noqa: S101
    return found, {name: named[name]["name"] for name in ("h", "c", "evidence", "weight")}
