"""The network: five frames at a time, one LSTM, statistics of its states since the segment began, one answer.

Each step of 50 ms gives a state and how much it should count (0..1). Mean and deviation of the states so far, so
weighted, are what the answer is made of. They are added up outside of the file: exact, and the same after a second as
after an hour. Trained with Keras, exported as plain operations with h and c in and out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.features import FEATURES
from edge.speech.frames import CHUNK
from edge.speech.pooling import SMALLEST_VARIANCE
from models.speech.recipe import FRAMES, Recipe

STEPS = CHUNK // FRAMES  # LSTM steps in a chunk
CELL_LIMIT = 8.0  # of c: beyond it tanh is 1 anyway, and a narrow range is what int8 needs


@dataclass(frozen=True)
class Network:
    """Views of the same layers."""

    states: Any  # (batch, frames, FEATURES) -> (batch, steps, units), (batch, steps, 1): states and their weights
    head: Any  # (batch, 2 * units) -> (batch, classes): from statistics to logits
    taught: Any  # (batch, frames, FEATURES) -> logits, thoughts, views at every step: only training asks for them


def network(classes: int, recipe: Recipe, thoughts: int, views: int) -> Network:
    """With fresh weights."""
    keras = tf.keras
    decay = keras.regularizers.L2(recipe.weight_decay)
    features = keras.Input((None, FEATURES))
    stacked = keras.layers.Reshape((-1, FRAMES * FEATURES))(features)
    front = keras.layers.Dense(recipe.front, "relu", kernel_regularizer=decay, name="front")(stacked)
    front = keras.layers.Dropout(recipe.dropout)(front)
    states = keras.layers.LSTM(
        recipe.units, return_sequences=True, kernel_regularizer=decay, recurrent_regularizer=decay, name="lstm"
    )(front)
    states = keras.layers.Dropout(recipe.dropout)(states)
    weights = keras.layers.Dense(1, "sigmoid", name="weight")(states)
    statistics = keras.Input((2 * recipe.units,))
    hidden = keras.layers.Dense(recipe.hidden, "relu", kernel_regularizer=decay, name="hidden")(statistics)
    hidden = keras.layers.Dropout(recipe.dropout)(hidden)
    head = keras.Model(statistics, keras.layers.Dense(classes)(hidden), name="head")
    so_far = pooled(states, weights)
    answers = keras.layers.TimeDistributed(head)(so_far)
    thought = keras.layers.Dense(thoughts, name="thought")(states)
    view = keras.layers.Dense(views, name="view")(so_far)
    return Network(
        keras.Model(features, [states, weights]),
        head,
        keras.Model(features, [answers, thought, view]),
    )


def with_head(net: Network, kernel: Floats, bias: Floats) -> Network:
    """Answering by a linear layer of several logits for each class, of which the highest counts."""
    keras = tf.keras
    statistics = keras.Input((kernel.shape[0],))
    out = keras.layers.Dense(kernel.shape[1], "relu", name="out")  # int8 is not spent on what is out of the question
    head = keras.Model(statistics, highest(out(statistics)), name="head")
    out.set_weights([kernel, bias])
    return replace(net, head=head)


def highest(logits: Any) -> Any:
    """Of several logits for each class: (batch, several * CLASSES) to (batch, CLASSES)."""
    return tf.reduce_max(tf.reshape(logits, (-1, logits.shape[1] // len(CLASSES), len(CLASSES))), axis=1)


def pooled(states: Any, weights: Any) -> Any:
    """(batch, steps, 2 * units): weighted mean and deviation of the states up to each step."""
    total = tf.cumsum(weights, axis=1)
    mean = tf.cumsum(weights * states, axis=1) / total
    variance = tf.cumsum(weights * states * states, axis=1) / total - mean * mean
    deviation = tf.sqrt(tf.maximum(variance, 0.0) + SMALLEST_VARIANCE)
    return tf.concat([mean, deviation], axis=2)


class ChunkStep(tf.Module):  # type: ignore[misc]
    """What is exported: one chunk, unrolled, with the state outside; and the answer to given statistics."""

    def __init__(self, net: Network) -> None:
        super().__init__()
        layers = {layer.name: layer for model in (net.states, net.head) for layer in model.layers}
        weights = {name: layers[name].get_weights() for name in ("front", "lstm", "weight", "out")}
        self._weights = {name: [tf.constant(part) for part in parts] for name, parts in weights.items()}
        self.units = int(weights["lstm"][1].shape[0])

    def signature(self) -> Any:
        return tf.function(self.step).get_concrete_function(
            features=tf.TensorSpec((1, CHUNK, FEATURES), tf.float32, "features"),
            h=tf.TensorSpec((1, self.units), tf.float32, "h"),
            c=tf.TensorSpec((1, self.units), tf.float32, "c"),
            statistics=tf.TensorSpec((1, 2 * self.units), tf.float32, "statistics"),
        )

    def step(self, features: Any, h: Any, c: Any, statistics: Any) -> dict[str, Any]:
        """The chunk's states (the last one is the next h), their weights, c; and the logits of `statistics`."""
        kernel, recurrent, bias = self._weights["lstm"]
        front_kernel, front_bias = self._weights["front"]
        weight_kernel, weight_bias = self._weights["weight"]
        stacked = tf.reshape(features, (STEPS, front_kernel.shape[0]))
        front = tf.nn.relu(tf.matmul(stacked, front_kernel) + front_bias)
        gates_in = tf.matmul(front, kernel) + bias
        each = []
        for index in range(STEPS):
            gates = gates_in[index : index + 1] + tf.matmul(h, recurrent)
            enter, forget, candidate, leave = tf.split(gates, 4, axis=1)
            c = tf.sigmoid(forget) * c + tf.sigmoid(enter) * tf.tanh(candidate)
            c = tf.clip_by_value(c, -CELL_LIMIT, CELL_LIMIT)
            h = tf.sigmoid(leave) * tf.tanh(c)
            each.append(h)
        states = tf.concat(each, axis=0)
        weights = tf.sigmoid(tf.matmul(states, weight_kernel) + weight_bias)
        return {"states": states, "weights": weights, "c": c, "logits": self._answer(statistics)}

    def _answer(self, statistics: Any) -> Any:
        kernel, bias = self._weights["out"]
        return highest(tf.nn.relu(tf.matmul(statistics, kernel) + bias))


def parameters(net: Network) -> int:
    """How many numbers were learned and ship."""
    return int(np.sum([np.prod(part.shape) for view in (net.states, net.head) for part in view.get_weights()]))
