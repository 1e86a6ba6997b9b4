"""From the fitted network to speech.tflite: int8, weights and activations, and its manifest."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edge.inference import ANSWER, Floats
from edge.speech.classifier import CLASSES, Certainty
from edge.speech.features import CONTEXT, FEATURES, standardised
from edge.speech.frames import CHUNK, HOP, WINDOW
from edge.speech.pooling import Sums
from edge.speech.spectrum import BANDS, FFT, MELS
from models.common.manifest import write_manifest, write_temperature
from models.common.parts import separated
from models.speech import parity
from models.speech.network import STEM, Trained
from models.speech.parity import Utterance
from models.speech.recipe import FRAMES, UNIT
from models.speech.shelf import Front

FILE = "speech.tflite"
VERSION = "5"
STEPS = CHUNK // FRAMES  # LSTM steps in a chunk
CELL_LIMIT = 8.0  # of c: beyond it tanh is 1 anyway, and a narrow range is what int8 needs
_SIX = 6.0  # what a clipped activation reaches from 0, in TFLite
_BEND = 3.5  # of a GELU: below it there is nothing, and hardly anything comes above
INPUTS = ("features", "bands", "h", "c", "statistics")
OUTPUTS = ("states", "weights", "c", "logits")


class ChunkStep(tf.Module):  # type: ignore[misc]
    """What is exported: one chunk, unrolled, with the state outside; and the answer to given statistics."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self._front = [tf.constant(part) for part in trained.front]
        self._lstm = [tf.constant(part) for part in trained.lstm]
        self._weight = [tf.constant(part) for part in trained.weight]
        self.answer = trained.answer
        self._answer = tf.constant(trained.answer.kernel), tf.constant(trained.answer.bias)
        first, first_bias, second, second_bias = trained.stem
        # PyTorch has (out, in, time), TensorFlow (height, time, in, out).
        self._first = tf.constant(first.transpose(2, 1, 0)[None]), tf.constant(first_bias)
        self._second = tf.constant(second.transpose(2, 1, 0)[None]), tf.constant(second_bias)
        self.units = int(trained.lstm[1].shape[0])

    def signature(self) -> Any:
        return tf.function(self.step).get_concrete_function(
            features=tf.TensorSpec((1, CHUNK, FEATURES), tf.float32, "features"),
            bands=tf.TensorSpec((1, CONTEXT + CHUNK, BANDS), tf.float32, "bands"),
            h=tf.TensorSpec((1, self.units), tf.float32, "h"),
            c=tf.TensorSpec((1, self.units), tf.float32, "c"),
            statistics=tf.TensorSpec((1, 2 * self.units), tf.float32, "statistics"),
        )

    def step(self, features: Any, bands: Any, h: Any, c: Any, statistics: Any) -> dict[str, Any]:
        """The chunk's states (the last one is the next h), their weights, c; and the logits of `statistics`."""
        stem = self.stem(bands)
        own, heard = tf.reshape(features, (STEPS, FRAMES * FEATURES)), tf.reshape(stem, (STEPS, FRAMES // UNIT * STEM))
        inputs = tf.concat((own, heard), axis=1)
        front = dense(inputs, self._front[0], self._front[1], tf.nn.relu)
        kernel, recurrent, bias = self._lstm
        gates_in = dense(front, kernel, bias)
        each = []
        for index in range(STEPS):
            gates = gates_in[index : index + 1] + dense(h, recurrent)
            enter, forget, candidate, leave = tf.split(gates, 4, axis=1)
            c = tf.sigmoid(forget) * c + tf.sigmoid(enter) * tf.tanh(candidate)
            c = tf.clip_by_value(c, -CELL_LIMIT, CELL_LIMIT)
            h = tf.sigmoid(leave) * tf.tanh(c)
            each.append(h)
        states = tf.concat(each, axis=0)
        weights = tf.sigmoid(tf.matmul(states, self._weight[0]) + self._weight[1])
        return {"states": states, "weights": weights, "c": c, "logits": self._answers(statistics)}

    def stem(self, bands: Any) -> Any:
        """(1, CONTEXT + CHUNK, BANDS) to (1, 1, CHUNK / 2, STEM)."""
        inner = self._convolved(bands[:, None], self._first, 1)
        return self._convolved(inner, self._second, (1, 2))

    def _convolved(self, values: Any, layer: Any, stride: Any) -> Any:
        """With what goes into the GELU held within _BEND.

        In int8 a value has 256 steps from the smallest to the largest that ever occurs. This clipping is an activation,
        part of the convolution itself, so rare large values make no step coarse.
        """
        kernel, bias = layer
        share = _SIX / (2 * _BEND)
        moved = tf.nn.conv2d(values, kernel * share, stride, "VALID") + (bias + _BEND) * share
        return gelu(tf.nn.relu6(moved) / share - _BEND)

    def _answers(self, statistics: Any) -> Any:
        kernel, bias = self._answer
        return highest(dense(statistics, kernel, bias, tf.nn.relu))  # int8 is not spent on what is far off


def dense(values: Any, kernel: Any, bias: Any = 0.0, activation: Any = tf.identity) -> Any:
    """A matrix product, (rows, inputs) to (rows, outputs), as a convolution: those have a scale for each output."""
    found = activation(tf.nn.conv2d(values[None, None], kernel[None, None], 1, "VALID") + bias)
    return tf.reshape(found, (-1, kernel.shape[1]))


def gelu(values: Any) -> Any:
    return tf.nn.gelu(values)


def highest(logits: Any) -> Any:
    """Of several logits for each class: (batch, several * CLASSES) to (batch, CLASSES)."""
    return tf.reduce_max(tf.reshape(logits, (-1, logits.shape[1] // len(CLASSES), len(CLASSES))), axis=1)


def convert(trained: Trained, segments: list[Utterance]) -> bytes:
    """The file's bytes, with the answer as a part of its own; `segments` show the converter what values occur."""
    step = ChunkStep(trained)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(step, folder, signatures={"serving_default": step.signature()})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative(step, segments)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        return separated(bytes(converter.convert()), ("statistics",), ANSWER)


def representative(step: ChunkStep, segments: list[Utterance]) -> Callable[[], Iterator[dict[str, Any]]]:
    """All chunks of the segments, with the state as it really is when each one comes."""

    def chunks() -> Iterator[dict[str, Any]]:
        run = tf.function(step.step)
        for features, bands in segments:
            h = c = tf.zeros((1, step.units))
            sums = Sums.nothing(step.units)
            statistics = np.zeros((1, 2 * step.units), np.float32)  # the mean of all
            for inputs in zip(features[:, None], bands[:, None], strict=True):
                yield {"features": inputs[0], "bands": inputs[1], "h": h, "c": c, "statistics": statistics}
                answer = run(tf.constant(inputs[0]), tf.constant(inputs[1]), h, c, tf.constant(statistics))
                h, c = answer["states"][-1:], answer["c"]
                sums = sums.with_states(answer["states"].numpy(), answer["weights"].numpy())
                statistics = standardised(sums.statistics()[None], step.answer.mean, step.answer.deviation)

    return chunks


@dataclass(frozen=True)
class Shipped:
    """What goes into the file, and beside it."""

    trained: Trained
    front: Front
    expected: Floats  # (labels, statistics), standardised
    temperature: float


def ship(what: Shipped, segments: list[Utterance], folder: Path) -> None:
    """Write speech.tflite, manifest.json and what the float network says of synthetic voices."""
    trained, front = what.trained, what.front
    content = convert(trained, segments)
    (folder / FILE).write_bytes(content)
    inputs, outputs = tensor_names(content, ChunkStep(trained).units)
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
            "bands": BANDS,
            "cepstral_mean": rounded(front.cepstral_mean),
            "mean": rounded(front.mean),
            "deviation": rounded(front.deviation),
            "statistics_mean": rounded(trained.answer.mean),
            "statistics_deviation": rounded(trained.answer.deviation),
            "expected": rounded(what.expected.flatten(), 3),
        },
        temperature=what.temperature,
    )
    parity.write(folder, float_logits(ChunkStep(trained), front))


def write_certainty(folder: Path, certainty: Certainty) -> None:
    """Into the manifest."""
    write_temperature(folder, certainty.temperature, brevity=certainty.brevity)


def float_logits(step: ChunkStep, front: Front) -> Floats:
    """What the network says of the synthetic voices before it is quantised."""
    rows = []
    nothing = tf.zeros((1, 2 * step.units))
    empty = tf.zeros((1, CHUNK, FEATURES)), tf.zeros((1, CONTEXT + CHUNK, BANDS))
    start = tf.zeros((1, step.units))
    for features, bands in parity.utterance_inputs(front.cepstral_mean, front.mean, front.deviation):
        h = c = start
        sums = Sums.nothing(step.units)
        for chunk in zip(features[:, None], bands[:, None], strict=True):
            answer = step.step(tf.constant(chunk[0]), tf.constant(chunk[1]), h, c, nothing)
            h, c = answer["states"][-1:], answer["c"]
            sums = sums.with_states(answer["states"].numpy(), answer["weights"].numpy())
        statistics = tf.constant(standardised(sums.statistics()[None], step.answer.mean, step.answer.deviation))
        rows.append(step.step(empty[0], empty[1], start, start, statistics)["logits"].numpy()[0])
    logits: Floats = np.stack(rows).astype(np.float32)
    return logits


def rounded(values: Floats, digits: int = 5) -> list[float]:
    return [round(float(value), digits) for value in values]


def tensor_names(content: bytes, units: int) -> tuple[dict[str, str], dict[str, str]]:
    """Our names to the file's own. The signatures know them; the plain list does not."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    parts = [interpreter.get_signature_runner(key) for key in interpreter.get_signature_list()]
    taken = {name: detail["name"] for part in parts for name, detail in part.get_input_details().items()}
    named = {name: detail for part in parts for name, detail in part.get_output_details().items()}
    assert named["states"]["shape"][1] == units  # noqa: S101
    return {name: taken[name] for name in INPUTS}, {name: named[name]["name"] for name in OUTPUTS}
