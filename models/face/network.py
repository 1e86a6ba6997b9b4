"""The network that ships: depthwise-separable convolutions with residuals, on a grey face."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from edge.readings import LABELS
from models.face.shape import BLOCKS, SIDE, STEM


def build() -> Any:
    """A Keras model without what only training needs: standardised face in, logits in the order of LABELS out."""
    layers = tf.keras.layers
    image = layers.Input((SIDE, SIDE, 1), name="image")
    x = _norm(layers.Conv2D(STEM, 3, padding="same", use_bias=False)(image))
    for channels, stride in BLOCKS:
        x = _block(x, channels, stride)
    x = layers.GlobalAveragePooling2D()(x)
    return tf.keras.Model(image, layers.Dense(len(LABELS), name="logits")(x), name="face")


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
