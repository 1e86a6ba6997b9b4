"""One run of training that can stop and go on: network, optimiser, averaged weights, checkpoints, history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.face import network

Floats = NDArray[np.float32]
_AVERAGING = 0.998  # per step, for the weights that are shipped


class Run:
    """State of a training run in `folder`."""

    def __init__(self, folder: Path, *, steps: int, rate: float, offsets: Floats, resume: bool) -> None:
        """`steps` in all; `offsets` are added to the logits while learning (log prior: see the card)."""
        folder.mkdir(parents=True, exist_ok=True)
        self._history_file = folder / "history.json"
        self.history: list[dict[str, float]] = []
        self.model = network.build()
        self.averaged = network.build()
        self.averaged.set_weights(self.model.get_weights())
        schedule = tf.keras.optimizers.schedules.CosineDecay(
            rate / 20, max(1, steps - steps // 30), alpha=0.0, warmup_target=rate, warmup_steps=max(1, steps // 30)
        )
        self._optimizer = tf.keras.optimizers.AdamW(schedule, weight_decay=0.02)
        self._optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self._optimizer.build(self.model.trainable_variables)
        self._offsets = tf.constant(offsets)
        self._epoch = tf.Variable(0, trainable=False, dtype=tf.int64)
        checkpoint = tf.train.Checkpoint(
            model=self.model, averaged=self.averaged, optimizer=self._optimizer, epoch=self._epoch
        )
        self._keeper = tf.train.CheckpointManager(checkpoint, str(folder / "checkpoints"), max_to_keep=2)
        if resume and self._keeper.latest_checkpoint:
            checkpoint.restore(self._keeper.latest_checkpoint).expect_partial()
            self.history = json.loads(self._history_file.read_text())[: self.epoch]
        self._step = tf.function(self._learn)

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return int(self._epoch.numpy())

    def train(self, batches: Iterable[tuple[Floats, Floats, Floats]]) -> float:
        """One epoch; the mean loss."""
        losses = [self._step(*batch) for batch in batches]
        return float(np.mean([float(loss) for loss in losses]))

    def keep(self, record: dict[str, float]) -> None:
        """An epoch is done: remember what came out and where we are."""
        self.history.append(record)
        self._history_file.write_text(json.dumps(self.history, indent=1))
        self._epoch.assign_add(1)
        self._keeper.save()

    def logits(self, pictures: Floats) -> Floats:
        """What the averaged network says."""
        return np.asarray(self.averaged.predict(pictures, batch_size=128, verbose=0), np.float32)

    def _learn(self, pictures: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self.model(pictures, training=True) + self._offsets
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        variables = self.model.trainable_variables
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 2.0)
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        # Few steps must not leave the average at its random beginning, so it is quick at first.
        step = tf.cast(self._optimizer.iterations, tf.float32)
        keep = tf.minimum(_AVERAGING, (1 + step) / (10 + step))
        for average, value in zip(self.averaged.weights, self.model.weights, strict=True):
            average.assign(keep * average + (1 - keep) * value)
        return loss
