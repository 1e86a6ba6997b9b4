"""From the fitted network to speech.tflite: int8, weights and activations, and its manifest."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.features import FEATURES
from edge.speech.frames import CHUNK, HOP, WINDOW
from edge.speech.pooling import Sums
from edge.speech.spectrum import FFT, MELS
from models.common.manifest import write_manifest
from models.speech import parity
from models.speech.dataset import Copies
from models.speech.network import ChunkStep, Network

FILE = "speech.tflite"
VERSION = "2"
_SEGMENTS = 150  # that show the converter what values occur
KINDS = ("int8", "dynamic", "float")


def convert(net: Network, copies: Copies, kind: str = "int8") -> bytes:
    """The file's bytes. `dynamic` keeps activations in float, `float` everything: both for comparison."""
    step = ChunkStep(net)
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
            sums = Sums.nothing(step.units)
            statistics = np.zeros((1, 2 * step.units), np.float32)
            for start in range(0, len(features) - CHUNK + 1, CHUNK):
                chunk = tf.constant(features[None, start : start + CHUNK])
                yield {"features": chunk, "h": h, "c": c, "statistics": statistics}
                answer = run(chunk, h, c, tf.constant(statistics))
                h, c = answer["states"][-1:], answer["c"]
                sums = sums.with_states(answer["states"].numpy(), answer["weights"].numpy())
                statistics = sums.statistics()[None]

    return chunks


def ship(net: Network, copies: Copies, temperature: float, folder: Path) -> None:
    """Write speech.tflite and manifest.json."""
    content = convert(net, copies)
    (folder / FILE).write_bytes(content)
    inputs, outputs = tensor_names(content, ChunkStep(net).units)
    write_manifest(
        folder,
        name="speech",
        version=VERSION,
        file=FILE,
        labels=CLASSES,
        inputs=inputs,
        outputs=outputs,
        preprocessing={
            "window": WINDOW,
            "hop": HOP,
            "chunk": CHUNK,
            "fft": FFT,
            "mels": MELS,
            "features": FEATURES,
            "cepstral_mean": rounded(copies.front.cepstral_mean),
            "mean": rounded(copies.front.mean),
            "deviation": rounded(copies.front.deviation),
        },
        temperature=temperature,
    )
    parity.write(folder, float_logits(ChunkStep(net), copies))


def float_logits(step: ChunkStep, copies: Copies) -> Floats:
    """What the network says of the synthetic voices before it is quantised."""
    front = copies.front
    rows = []
    for chunks in parity.utterance_features(front.cepstral_mean, front.mean, front.deviation):
        h = c = tf.zeros((1, step.units))
        sums = Sums.nothing(step.units)
        none = tf.zeros((1, 2 * step.units))
        for chunk in chunks:
            answer = step.step(tf.constant(chunk[None]), h, c, none)
            h, c = answer["states"][-1:], answer["c"]
            sums = sums.with_states(answer["states"].numpy(), answer["weights"].numpy())
        statistics = tf.constant(sums.statistics()[None])
        rows.append(step.step(tf.zeros((1, CHUNK, FEATURES)), h, c, statistics)["logits"].numpy()[0])
    logits: Floats = np.stack(rows).astype(np.float32)
    return logits


def rounded(values: Floats) -> list[float]:
    return [round(float(value), 5) for value in values]


def tensor_names(content: bytes, units: int) -> tuple[dict[str, str], dict[str, str]]:
    """Our names to the file's own. The signature knows them; the plain list does not."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    outputs = interpreter.get_output_details()
    taken = [detail["name"] for detail in interpreter.get_input_details()]
    found = {name: full for name in ("features", "h", "c", "statistics") for full in taken if f"_{name}:" in full}
    runner = interpreter.get_signature_runner()
    named = runner.get_output_details()
    assert {detail["name"] for detail in named.values()} == {detail["name"] for detail in outputs}  # noqa: S101
    assert named["states"]["shape"][1] == units  # noqa: S101
    return found, {name: named[name]["name"] for name in ("states", "weights", "c", "logits")}
