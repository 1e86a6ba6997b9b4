"""The network: five frames at a time, one LSTM, and evidence that adds up over the segment.

Each step of 50 ms gives logits (`evidence`) and how much they should count (`weight`, 0..1). The answer at any
moment is the weighted mean of the evidence since the segment began: pooling outside of the file, exact, and the
same after a second as after an hour. Trained with Keras, exported as plain operations with h and c in and out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from edge.speech.features import FEATURES
from edge.speech.frames import CHUNK
from models.speech.recipe import FRAMES, Recipe

STEPS = CHUNK // FRAMES  # LSTM steps in a chunk
CELL_LIMIT = 8.0  # of c: beyond it tanh is 1 anyway, and a narrow range is what int8 needs


def training_model(classes: int, recipe: Recipe) -> Any:
    """(batch, frames, FEATURES) -> (batch, frames / FRAMES, classes + 1): logits, and the logit of the weight."""
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
    hidden = keras.layers.Dense(recipe.hidden, "relu", kernel_regularizer=decay, name="hidden")(states)
    hidden = keras.layers.Dropout(recipe.dropout)(hidden)
    out = keras.layers.Dense(classes + 1, name="out")(hidden)
    return keras.Model(features, out)


def pooled(out: Any) -> Any:
    """(batch, steps, classes): the answer at each step, from the raw output of the training model."""
    weight = tf.sigmoid(out[..., -1:])
    return tf.cumsum(weight * out[..., :-1], axis=1) / tf.cumsum(weight, axis=1)


class ChunkStep(tf.Module):  # type: ignore[misc]
    """What is exported: one chunk, unrolled, with the state outside."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        weights = {name: model.get_layer(name).get_weights() for name in ("front", "lstm", "hidden", "out")}
        self._weights = {name: [tf.constant(part) for part in parts] for name, parts in weights.items()}
        self.units = int(weights["lstm"][1].shape[0])
        self.classes = int(weights["out"][1].shape[0]) - 1

    def signature(self) -> Any:
        return tf.function(self.step).get_concrete_function(
            features=tf.TensorSpec((1, CHUNK, FEATURES), tf.float32, "features"),
            h=tf.TensorSpec((1, self.units), tf.float32, "h"),
            c=tf.TensorSpec((1, self.units), tf.float32, "c"),
        )

    def step(self, features: Any, h: Any, c: Any) -> dict[str, Any]:
        """One chunk: new state, the chunk's weighted evidence (a mean over its steps) and its weight."""
        kernel, recurrent, bias = self._weights["lstm"]
        front_kernel, front_bias = self._weights["front"]
        stacked = tf.reshape(features, (STEPS, FRAMES * FEATURES))
        front = tf.nn.relu(tf.matmul(stacked, front_kernel) + front_bias)
        gates_in = tf.matmul(front, kernel) + bias
        states = []
        for index in range(STEPS):
            gates = gates_in[index : index + 1] + tf.matmul(h, recurrent)
            enter, forget, candidate, leave = tf.split(gates, 4, axis=1)
            c = tf.sigmoid(forget) * c + tf.sigmoid(enter) * tf.tanh(candidate)
            c = tf.clip_by_value(c, -CELL_LIMIT, CELL_LIMIT)
            h = tf.sigmoid(leave) * tf.tanh(c)
            states.append(h)
        return {"h": h, "c": c, **self._evidence(tf.concat(states, axis=0))}

    def _evidence(self, states: Any) -> dict[str, Any]:
        hidden_kernel, hidden_bias = self._weights["hidden"]
        out_kernel, out_bias = self._weights["out"]
        hidden = tf.nn.relu(tf.matmul(states, hidden_kernel) + hidden_bias)
        logits = tf.matmul(hidden, out_kernel[:, :-1]) + out_bias[:-1]
        weight = tf.sigmoid(tf.matmul(hidden, out_kernel[:, -1:]) + out_bias[-1:])
        return {
            "evidence": tf.reduce_mean(weight * logits, axis=0, keepdims=True),
            "weight": tf.reduce_mean(weight, axis=0, keepdims=True),
        }


def parameters(model: Any) -> int:
    return int(np.sum([np.prod(part.shape) for part in model.get_weights()]))
