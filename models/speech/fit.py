"""Fitting one network to chosen clips, with a checkpoint after every epoch and a fixed seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.speech.classifier import CLASSES
from edge.speech.frames import CHUNK
from edge.speech.pooling import Sums
from models.speech.dataset import Batch, Copies, Task, epoch
from models.speech.network import Network, network
from models.speech.recipe import FRAMES

_AT_ONCE = 64
_LONGEST = 800  # frames of a segment

Report = Callable[[int, float], None]  # epoch, mean loss


def fit(task: Task, chosen: list[int], seed: int, folder: Path, report: Report) -> Network:
    """The fitted network, its weights averaged over the last part of training. Goes on where `folder` says."""
    recipe = task.recipe
    tf.keras.utils.set_random_seed(seed)
    net = network(len(CLASSES), recipe)
    model = net.answers
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
    return net


def _tensors(batch: Batch) -> tuple[Any, ...]:
    return tuple(tf.constant(part) for part in (batch.features, batch.targets, batch.masks, batch.weights))


def _step(model: Any, optimizer: Any, average: Any) -> Any:
    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(features: Any, targets: Any, masks: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = told_apart(model(features, training=True), masks[:, None, :])
            likely = tf.nn.log_softmax(logits)
            each = -tf.reduce_sum(targets[:, None, :] * likely, axis=2)
            loss = tf.reduce_mean(tf.reduce_sum(weights * each, axis=1))
            total = loss + tf.add_n(model.losses)
        gradients = tape.gradient(total, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        average.apply(model.trainable_variables)
        return loss

    return step


def told_apart(logits: Any, masks: Any) -> Any:
    """Without the classes that a corpus does not have; where calm is one of them, neutral stands for both."""
    neutral, calm = logits[..., :1], logits[..., -1:]
    both = tf.where(
        masks[..., -1:] < 0, tf.reduce_logsumexp(tf.concat([neutral, calm], -1), -1, keepdims=True), neutral
    )
    return tf.concat([both, logits[..., 1:]], axis=-1) + masks


def clip_logits(net: Network, copies: Copies, copy: int, chosen: list[int]) -> tuple[NDArray[np.float64], list[int]]:
    """Logits per clip (statistics over its segments), and which clips had any voice."""
    run = tf.function(lambda features: net.states(features, training=False), reduce_retracing=True)
    rows = sorted((row for row in copies.segments(copy, set(chosen)) if row[2] >= CHUNK), key=lambda row: int(row[2]))
    sums: dict[int, Sums] = {}
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        parts = [copies.features(copy, row, _LONGEST) for row in some]
        features = np.zeros((_AT_ONCE, -(-max(map(len, parts)) // 40) * 40, parts[0].shape[1]), np.float32)
        for number, part in enumerate(parts):
            features[number, : len(part)] = part
        states, weights = (out.numpy() for out in run(tf.constant(features)))
        for number, (row, part) in enumerate(zip(some, parts, strict=True)):
            steps, clip = len(part) // FRAMES, int(row[0])
            before = sums.get(clip, Sums.nothing(states.shape[2]))
            sums[clip] = before.with_states(states[number, :steps], weights[number, :steps])
    order = sorted(sums)
    statistics = np.stack([sums[n].statistics() for n in order])
    return net.head(tf.constant(statistics), training=False).numpy().astype(np.float64), order
