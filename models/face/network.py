"""The network: depthwise-separable convolutions with residuals on one grey face."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from edge.readings import LABELS

SIDE = 48  # of the picture the network sees

# Per block: channels out, stride. A block that changes neither has a residual.
BLOCKS = ((32, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1))
STEM = 16


def build(dropout: float = 0.3) -> Any:
    """An untrained Keras model: standardised face in, logits in the order of LABELS out."""
    layers = tf.keras.layers
    image = layers.Input((SIDE, SIDE, 1), name="image")
    x = _norm(layers.Conv2D(STEM, 3, padding="same", use_bias=False)(image))
    for channels, stride in BLOCKS:
        x = _block(x, channels, stride)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return tf.keras.Model(image, layers.Dense(len(LABELS), name="logits")(x), name="face")


def _block(x: Any, channels: int, stride: int) -> Any:
    layers = tf.keras.layers
    y = _norm(layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x))
    y = layers.Conv2D(channels, 1, use_bias=False)(y)
    y = layers.BatchNormalization(momentum=0.98)(y)
    if stride == 1 and x.shape[-1] == channels:
        y = layers.Add()([x, y])
    return layers.ReLU(6.0)(y)


def _norm(x: Any) -> Any:
    layers = tf.keras.layers
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.98)(x))
