"""From the student in PyTorch to the same network in Keras, to be converted."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from models.face.network import SIDE, build


def both_ways(model: Any) -> Any:
    """One picture in, the mean of the logits for it and for its mirror image out: a face means the same both ways."""
    layers = tf.keras.layers
    image = layers.Input((SIDE, SIDE, 1), batch_size=1, name="image")
    mirrored = layers.Lambda(lambda x: tf.reverse(x, [2]))(image)
    logits = model(layers.Concatenate(axis=0)([image, mirrored]))
    mean = layers.Lambda(lambda y: tf.reduce_mean(y, axis=0, keepdims=True), name="mean")(logits)
    return tf.keras.Model(image, mean, name="face_both_ways")


def carry_over(learned: Any, head: str) -> Any:
    """The Keras model with the weights of the PyTorch student and one of its heads.

    Both list their layers in the same order.
    """
    model = build()
    theirs = [layer for layer in learned.trunk.modules() if hasattr(layer, "weight")] + [learned.heads[head]]
    ours = [layer for layer in model.layers if layer.weights]
    for mine, other in zip(ours, theirs, strict=True):
        state = {name: value.numpy() for name, value in other.state_dict().items()}
        kernel = state["weight"]
        if isinstance(mine, tf.keras.layers.BatchNormalization):
            mine.set_weights([kernel, state["bias"], state["running_mean"], state["running_var"]])
        elif isinstance(mine, tf.keras.layers.Dense):
            mine.set_weights([kernel.T, state["bias"]])
        else:  # depthwise kernels too have their only input channel second
            axes = (2, 3, 0, 1) if isinstance(mine, tf.keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
            mine.set_weights([kernel.transpose(axes)])
    return model
