"""The network that ships: depthwise-separable convolutions with residuals, on a grey face and its mirror image."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from edge.readings import LABELS

SIDE = 48  # of the picture the network sees

# Per block: channels out, stride. A block that changes neither has a residual.
BLOCKS = ((48, 2), (96, 1), (192, 2), *[(192, 1)] * 4, (384, 2), *[(384, 1)] * 3)
STEM = 24


def build() -> Any:
    """A Keras model without what only training needs: standardised face in, logits in the order of LABELS out."""
    layers = tf.keras.layers
    image = layers.Input((SIDE, SIDE, 1), name="image")
    x = _norm(layers.Conv2D(STEM, 3, padding="same", use_bias=False)(image))
    for channels, stride in BLOCKS:
        x = _block(x, channels, stride)
    x = layers.GlobalAveragePooling2D()(x)
    return tf.keras.Model(image, layers.Dense(len(LABELS), name="logits")(x), name="face")


def both_ways(model: Any) -> Any:
    """One picture in, the mean of the logits for it and for its mirror image out: a face means the same both ways."""
    layers = tf.keras.layers
    image = layers.Input((SIDE, SIDE, 1), batch_size=1, name="image")
    mirrored = layers.Lambda(lambda x: tf.reverse(x, [2]))(image)
    logits = model(layers.Concatenate(axis=0)([image, mirrored]))
    mean = layers.Lambda(lambda y: tf.reduce_mean(y, axis=0, keepdims=True), name="mean")(logits)
    return tf.keras.Model(image, mean, name="face_both_ways")


def _block(x: Any, channels: int, stride: int) -> Any:
    layers = tf.keras.layers
    y = _norm(layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x))
    y = layers.BatchNormalization()(layers.Conv2D(channels, 1, use_bias=False)(y))
    if stride == 1 and x.shape[-1] == channels:
        y = layers.Add()([x, y])
    return layers.ReLU(6.0)(y)


def _norm(x: Any) -> Any:
    layers = tf.keras.layers
    return layers.ReLU(6.0)(layers.BatchNormalization()(x))
