"""Fitting one network to chosen clips, with a checkpoint after every epoch and a fixed seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.speech.frames import CHUNK
from models.speech.dataset import Batch, Copies, Task, epoch
from models.speech.network import pooled, training_model
from models.speech.recipe import FRAMES

_AT_ONCE = 64
_LONGEST = 800  # frames of a segment

Report = Callable[[int, float], None]  # epoch, mean loss


def fit(task: Task, chosen: list[int], seed: int, folder: Path, report: Report) -> Any:
    """The fitted network, its weights averaged over the last part of training. Goes on where `folder` says."""
    recipe = task.recipe
    tf.keras.utils.set_random_seed(seed)
    model = training_model(len(task.classes), recipe)
    steps = sum(1 for _ in epoch(task, chosen, np.random.default_rng(0)))
    schedule = tf.keras.optimizers.schedules.CosineDecay(
        recipe.rate / 10, steps * recipe.epochs, 0.01, warmup_target=recipe.rate, warmup_steps=2 * steps
    )
    optimizer = tf.keras.optimizers.Adam(schedule, clipnorm=1.0)
    average = tf.train.ExponentialMovingAverage(0.998, num_updates=optimizer.iterations)
    optimizer.build(model.trainable_variables)
    average.apply(model.trainable_variables)
    done = tf.Variable(0, dtype=tf.int64)
    shadows = [average.average(variable) for variable in model.trainable_variables]
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, done=done, shadows=shadows)
    manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1)
    checkpoint.restore(manager.latest_checkpoint)
    step = _step(model, optimizer, average)
    for number in range(int(done), recipe.epochs):
        draw = np.random.default_rng((seed, number))
        losses = [float(step(*_tensors(batch))) for batch in epoch(task, chosen, draw)]
        done.assign(number + 1)
        manager.save()
        report(number + 1, float(np.mean(losses)))
    for variable, shadow in zip(model.trainable_variables, shadows, strict=True):
        variable.assign(shadow)
    return model


def _tensors(batch: Batch) -> tuple[Any, ...]:
    return tuple(tf.constant(part) for part in (batch.features, batch.targets, batch.masks, batch.weights))


def _step(model: Any, optimizer: Any, average: Any) -> Any:
    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(features: Any, targets: Any, masks: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = pooled(model(features, training=True)) + masks[:, None, :]
            likely = tf.nn.log_softmax(logits)
            each = -tf.reduce_sum(targets[:, None, :] * likely, axis=2)
            loss = tf.reduce_mean(tf.reduce_sum(weights * each, axis=1))
            total = loss + tf.add_n(model.losses)
        gradients = tape.gradient(total, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        average.apply(model.trainable_variables)
        return loss

    return step


def clip_logits(model: Any, copies: Copies, copy: int, chosen: list[int]) -> tuple[NDArray[np.float64], list[int]]:
    """Logits per clip (evidence pooled over its segments), and which clips had any voice."""
    run = tf.function(lambda features: model(features, training=False), reduce_retracing=True)
    rows = sorted((row for row in copies.segments(copy, set(chosen)) if row[2] >= CHUNK), key=lambda row: int(row[2]))
    sums: dict[int, NDArray[np.float64]] = {}
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        parts = [copies.features(copy, row, _LONGEST) for row in some]
        features = np.zeros((_AT_ONCE, -(-max(map(len, parts)) // 40) * 40, parts[0].shape[1]), np.float32)
        for number, part in enumerate(parts):
            features[number, : len(part)] = part
        out = run(tf.constant(features)).numpy().astype(np.float64)
        for number, (row, part) in enumerate(zip(some, parts, strict=True)):
            steps = out[number, : len(part) // FRAMES]
            weight = 1 / (1 + np.exp(-steps[:, -1:]))
            total = np.concatenate(((weight * steps[:, :-1]).sum(axis=0), weight.sum(axis=0)))
            sums[int(row[0])] = sums.get(int(row[0]), np.zeros_like(total)) + total
    order = sorted(sums)
    return np.stack([sums[n][:-1] / sums[n][-1] for n in order]), order
