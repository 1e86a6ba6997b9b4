"""The loss, one step, and a run that can be taken up again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.finder import network
from models.finder.targets import Targets

Floats = NDArray[np.float32]

_WARM_UP = 200  # steps
_KEEP = 0.998  # of the averaged weights, at each step
_SHAPE, _POINTS = 2.0, 20.0  # what a box and its landmarks count beside the score


class Run:
    """Network, averaged network, optimizer and history, kept in `folder` after each epoch."""

    def __init__(self, folder: Path, *, rounds: Sequence[int], rate: float, resume: bool) -> None:
        """`rounds` are the steps of each; a further one begins anew from half the height of the one before."""
        folder.mkdir(parents=True, exist_ok=True)
        self.network, self.averaged = network.build(), network.build()
        self.averaged.set_weights(self.network.get_weights())
        self._optimizer = tf.keras.optimizers.AdamW(Rates(rounds, rate), weight_decay=1e-3, clipnorm=5.0)
        self._optimizer.build(self.network.trainable_variables)
        self._checkpoint = tf.train.Checkpoint(network=self.network, averaged=self.averaged, optimizer=self._optimizer)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=2)
        self._history = folder / "history.json"
        self.history: list[dict[str, float]] = []
        if resume and self._manager.latest_checkpoint:
            self._checkpoint.restore(self._manager.latest_checkpoint)
            self.history = json.loads(self._history.read_text())
        self._step = tf.function(self._one_step)

    @property
    def epoch(self) -> int:
        """How many are done."""
        return len(self.history)

    def train(self, stream: Iterable[tuple[Floats, Targets]]) -> dict[str, float]:
        """One epoch; the mean losses."""
        losses = [
            self._step(pictures, [t.score, t.weight, t.box, t.landmarks, t.shape]).numpy() for pictures, t in stream
        ]
        mean = np.mean(losses, axis=0)
        return {"score_loss": float(mean[0]), "shape_loss": float(mean[1]), "landmark_loss": float(mean[2])}

    def keep(self, record: dict[str, float]) -> None:
        """Note what the epoch brought and save."""
        self.history.append(record)
        self._manager.save()
        self._history.write_text(json.dumps(self.history))

    def answers(self, pictures: Floats) -> list[tuple[Floats, Floats, Floats]]:
        """What the averaged network says of each picture."""
        parts = [self.averaged(pictures[i : i + 32], training=False) for i in range(0, len(pictures), 32)]
        score, box, landmarks = (np.concatenate([part[k].numpy() for part in parts]) for k in range(3))
        return list(zip(score, box, landmarks, strict=True))

    def _one_step(self, pictures: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            said = self.network(pictures, training=True)
            parts = losses(said, wanted)
            total = parts[0] + _SHAPE * parts[1] + _POINTS * parts[2]
        weights = self.network.trainable_variables
        self._optimizer.apply_gradients(zip(tape.gradient(total, weights), weights, strict=True))
        for mean, now in zip(self.averaged.variables, self.network.variables, strict=True):
            done = tf.cast(self._optimizer.iterations, tf.float32)
            keep = tf.minimum(_KEEP, (1.0 + done) / (10.0 + done))
            mean.assign(keep * mean + (1.0 - keep) * now)
        return tf.stack(parts)


class Rates(tf.keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """In each round a short rise, then half a cosine."""

    def __init__(self, rounds: Sequence[int], rate: float) -> None:
        self._parts = []
        begin = 0
        for steps in rounds:
            part = tf.keras.optimizers.schedules.CosineDecay(
                rate / 20, max(1, steps - _WARM_UP), alpha=0.01, warmup_target=rate, warmup_steps=_WARM_UP
            )
            self._parts.append((begin, part))
            begin, rate = begin + steps, rate / 2

    def __call__(self, step: Any) -> Any:
        value = self._parts[0][1](step)
        for begin, part in self._parts[1:]:
            value = tf.where(step >= begin, part(step - begin), value)
        return value


def losses(said: Any, wanted: Any) -> list[Any]:
    """Of score (focal), box (1 - GIoU, and its logarithms) and landmarks; each per picture."""
    score, weight, box, landmarks, shape = wanted
    logits, boxes, points = said[0][..., 0], said[1], said[2]
    chance = tf.sigmoid(logits)
    wrong = tf.where(score > 0, 1.0 - chance, chance)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(score, logits)
    about_score = tf.reduce_sum(weight * wrong**2 * entropy)
    about_box = tf.reduce_sum(shape * (1.0 - _giou(boxes, box) + 0.3 * tf.reduce_sum(_gentle(boxes - box), -1)))
    about_points = tf.reduce_sum(shape * tf.reduce_mean(_gentle(8.0 * (points - landmarks)), -1)) / 8.0
    pictures = tf.cast(tf.shape(score)[0], tf.float32)
    return [about_score / pictures, about_box / pictures, about_points / pictures]


def _gentle(difference: Any) -> Any:
    """Square near zero, straight beyond one."""
    much = tf.abs(difference)
    return tf.where(much < 1.0, 0.5 * much**2, much - 0.5)


def _giou(a: Any, b: Any) -> Any:
    """Generalised overlap of boxes that belong to the same cell."""
    a_half, b_half = tf.exp(tf.clip_by_value(a[..., 2:], -3.0, 4.0)) / 2, tf.exp(b[..., 2:]) / 2
    a_low, a_high, b_low, b_high = a[..., :2] - a_half, a[..., :2] + a_half, b[..., :2] - b_half, b[..., :2] + b_half
    both = tf.reduce_prod(tf.maximum(tf.minimum(a_high, b_high) - tf.maximum(a_low, b_low), 0.0), -1)
    either = tf.reduce_prod(2 * a_half, -1) + tf.reduce_prod(2 * b_half, -1) - both
    hull = tf.reduce_prod(tf.maximum(a_high, b_high) - tf.minimum(a_low, b_low), -1)
    return both / either - (hull - either) / hull
