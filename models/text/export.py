"""From the fitted network to text.tflite: the table of embeddings within it, int8, weights and activations."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.readings import LABELS
from models.common.manifest import write_manifest
from models.text.network import PRESENT, Network
from models.text.recipe import STEPS
from models.text.vocabulary import WIDEST

FILE = "text.tflite"
VERSION = "1"
CELL_LIMIT = 8.0  # of c: beyond it tanh is 1 anyway, and a narrow range is what int8 needs


class Reader(tf.Module):  # type: ignore[misc]
    """What is exported: a sentence at once, both LSTMs unrolled. The row after the last piece is for no piece."""

    def __init__(self, net: Network) -> None:
        super().__init__()

        def constant(tensor: Any) -> Any:
            return tf.constant(tensor.detach().numpy())

        table = np.clip(net.embedding.detach().numpy(), -WIDEST, WIDEST)
        there = np.full((len(table), 1), PRESENT, np.float32)
        rows = np.concatenate((table, there), axis=1)
        self._table = tf.constant(np.concatenate((rows, np.zeros_like(rows[:1]))))
        # PyTorch has (out, in, time), TensorFlow (height, time, in, out).
        self._convolutions = [
            (tf.constant(layer.weight.detach().numpy().transpose(2, 1, 0)[None]), constant(layer.bias))
            for layer in (net.first, net.second)
        ]
        self._lstm = [
            (
                constant(getattr(net.lstm, f"weight_ih_l0{way}").T),
                constant(getattr(net.lstm, f"weight_hh_l0{way}").T),
                constant(getattr(net.lstm, f"bias_ih_l0{way}") + getattr(net.lstm, f"bias_hh_l0{way}")),
            )
            for way in ("", "_reverse")
        ]
        self._answer = constant(net.shared.weight.T), constant(net.shared.bias)

    def signature(self) -> Any:
        spec = tf.TensorSpec((1, STEPS), tf.int32, "pieces")
        return tf.function(self.read).get_concrete_function(pieces=spec)

    def read(self, pieces: Any) -> dict[str, Any]:
        rows = tf.gather(self._table, pieces[0])
        there = rows[:, -1:] * (1 / PRESENT)
        (first, first_bias), (second, second_bias) = self._convolutions
        padded = tf.pad(rows, ((1, 1), (0, 0)))
        inner = tf.nn.relu(tf.nn.conv2d(padded[None, None], first, 1, "VALID") + first_bias)[0, 0] * there
        inner = tf.pad(inner, ((1, 0), (0, 0)))
        outer = tf.nn.relu(tf.nn.conv2d(inner[None, None], second, (1, 2), "VALID") + second_bias)[0, 0]
        pairs = tf.reduce_max(tf.reshape(there, (STEPS // 2, 2)), axis=1, keepdims=True)
        outer = outer * pairs
        states = tf.concat([self._states(outer, pairs, way) for way in (0, 1)], axis=1)
        nothing = pairs - 1.0  # below all states where no piece is
        each = tf.concat((states + nothing, nothing - states, outer), axis=1)
        highest = tf.reduce_max(each, axis=0, keepdims=True)
        kernel, bias = self._answer
        return {"logits": tf.matmul(highest, kernel) + bias}

    def _states(self, outer: Any, pairs: Any, way: int) -> Any:
        """One direction, zero where no piece is; the backward one begins at the last piece."""
        kernel, recurrent, bias = self._lstm[way]
        units = recurrent.shape[0]
        gates_in = tf.matmul(outer, kernel) + bias
        h = c = tf.zeros((1, units))
        steps = range(STEPS // 2) if way == 0 else reversed(range(STEPS // 2))
        found: dict[int, Any] = {}
        for step in steps:
            gates = gates_in[step : step + 1] + tf.matmul(h, recurrent)
            enter, forget, candidate, leave = tf.split(gates, 4, axis=1)
            c = tf.sigmoid(forget) * c + tf.sigmoid(enter) * tf.tanh(candidate)
            c = tf.clip_by_value(c, -CELL_LIMIT, CELL_LIMIT) * pairs[step : step + 1]
            h = tf.sigmoid(leave) * tf.tanh(c)
            found[step] = h
        return tf.concat([found[step] for step in sorted(found)], axis=0)


def convert(net: Network, shown: Sequence[NDArray[np.int32]]) -> bytes:
    """The file's bytes; `shown` are pieces of sentences that show the converter what values occur."""
    reader = Reader(net)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(reader, folder, signatures={"serving_default": reader.signature()})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _representative(shown, len(net.embedding))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def _representative(
    shown: Sequence[NDArray[np.int32]], nothing: int
) -> Callable[[], Iterator[dict[str, NDArray[np.int32]]]]:
    def each() -> Iterator[dict[str, NDArray[np.int32]]]:
        for ids in shown:
            row = np.full((1, STEPS), nothing, np.int32)
            row[0, : len(ids)] = ids[:STEPS]
            yield {"pieces": row}

    return each


def ship(
    net: Network,
    pieces: Sequence[str],
    *,
    shown: Sequence[NDArray[np.int32]],
    temperature: float,
    prior: Mapping[str, float],
    share: float,
    folder: Path,
) -> None:
    """Write text.tflite and its manifest, which holds the vocabulary.

    `prior`: a `share` of how common labels are in everyday talk.
    """
    content = convert(net, shown)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(content)
    taken, given = _names(content)
    write_manifest(
        folder,
        name="text",
        version=VERSION,
        file=FILE,
        labels=LABELS,
        inputs={"pieces": taken},
        outputs={"logits": given},
        preprocessing={"pieces": " ".join(pieces), "natural_share": share},
        temperature=round(temperature, 4),
        natural_prior={label: round(value, 3) for label, value in prior.items()},
    )


def _names(content: bytes) -> tuple[str, str]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    return taken["name"], given["name"]
