"""Fitting one network to chosen clips, with a checkpoint after every epoch and a fixed seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.frames import CHUNK
from edge.speech.pooling import Sums
from models.speech.corpora import Clip
from models.speech.dataset import Batch, Copies, Task, epoch
from models.speech.head import Known, answer_layer
from models.speech.network import Network, network, with_head
from models.speech.recipe import FRAMES, Recipe

_AT_ONCE = 64
_LONGEST = 800  # frames of a segment
_EARLY = 100  # frames of each segment after which an early answer must be right, too

Report = Callable[[int, float, float], None]  # epoch, mean loss of the answers, and of the hints


def fit(task: Task, chosen: list[int], seed: int, folder: Path, report: Report) -> Network:
    """The fitted network, its weights averaged over the last part of training. Goes on where `folder` says."""
    recipe = task.recipe
    tf.keras.utils.set_random_seed(seed)
    net = network(len(CLASSES), recipe, task.hints.thoughts[0].shape[1], task.hints.views[0].shape[1])
    model = net.taught
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
    step = _step(model, optimizer, average, recipe)
    for number in range(int(done), recipe.epochs):
        draw = np.random.default_rng((seed, number))
        losses = [step(*_tensors(batch)).numpy() for batch in epoch(task, chosen, draw)]
        done.assign(number + 1)
        manager.save()
        report(number + 1, *np.mean(losses, axis=0))
    for variable, shadow in zip(model.trainable_variables, shadows, strict=True):
        variable.assign(shadow)
    return net


def _tensors(batch: Batch) -> tuple[Any, ...]:
    every = (batch.features, batch.targets, batch.masks, batch.weights, batch.thoughts, batch.views, batch.heard)
    return tuple(tf.constant(part) for part in every)


def _step(model: Any, optimizer: Any, average: Any, recipe: Recipe) -> Any:
    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(*batch: Any) -> Any:
        features, targets, masks, weights, thoughts, views, heard = batch
        with tf.GradientTape() as tape:
            answers, thought, view = model(features, training=True)
            logits = told_apart(answers, masks[:, None, :])
            likely = tf.nn.log_softmax(logits)
            each = -tf.reduce_sum(targets[:, None, :] * likely, axis=2)
            loss = tf.reduce_mean(tf.reduce_sum(weights * each, axis=1))
            apart = recipe.thought * tf.reduce_mean((thought - thoughts) ** 2, axis=2)
            apart += recipe.view * tf.reduce_mean((view - views) ** 2, axis=2)
            hinted = tf.reduce_mean(tf.reduce_sum(heard * apart, axis=1))
            total = recipe.answer * loss + hinted + tf.add_n(model.losses)
        gradients = tape.gradient(total, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        average.apply(model.trainable_variables)
        return tf.stack([loss, hinted])

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
    statistics, order = clip_statistics(net, copies, copy, chosen)
    return net.head(tf.constant(statistics), training=False).numpy().astype(np.float64), order


def answering(net: Network, copies: Copies, clips: list[Clip], chosen: list[int]) -> Network:
    """With the head that the chosen clips and their degraded copies ask for."""
    known = []
    for most in (_LONGEST, _EARLY):
        every = [clip_statistics(net, copies, copy, chosen, most) for copy in range(len(copies.rows))]
        whose = [clips[n] for _, order in every for n in order]
        known.append(Known(np.concatenate([statistics for statistics, _ in every]), whose))
    return with_head(net, *answer_layer(*known))


def clip_statistics(
    net: Network, copies: Copies, copy: int, chosen: list[int], most: int = _LONGEST
) -> tuple[Floats, list[int]]:
    """Statistics of the states over all segments of a clip; and the clips that they are of, in that order."""
    run = tf.function(lambda features: net.states(features, training=False), reduce_retracing=True)
    rows = sorted((row for row in copies.segments(copy, set(chosen)) if row[2] >= CHUNK), key=lambda row: int(row[2]))
    sums: dict[int, Sums] = {}
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        parts = [copies.features(copy, row, most) for row in some]
        features = np.zeros((_AT_ONCE, -(-max(map(len, parts)) // 40) * 40, parts[0].shape[1]), np.float32)
        for number, part in enumerate(parts):
            features[number, : len(part)] = part
        states, weights = (out.numpy() for out in run(tf.constant(features)))
        for number, (row, part) in enumerate(zip(some, parts, strict=True)):
            steps, clip = len(part) // FRAMES, int(row[0])
            before = sums.get(clip, Sums.nothing(states.shape[2]))
            sums[clip] = before.with_states(states[number, :steps], weights[number, :steps])
    order = sorted(sums)
    return np.stack([sums[n].statistics() for n in order]), order
