"""The finder's network: depthwise-separable, one grid of answers that sees coarse and fine at once."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from edge.face.grid import LANDMARKS, SIDE

_RARE = -4.0  # logit that the scores start from: most cells hold no face


def build() -> Any:
    """A picture of SIDE x SIDE x 1 in; score logits, boxes and landmarks of every cell out."""
    layers = tf.keras.layers
    image = layers.Input((SIDE, SIDE, 1), name="image")
    x = _plain(image, 16, 3, 2)  # half
    x = _separable(x, 32, 2)
    x = _separable(x, 32)
    x = _separable(x, 72, 2)
    fine = _separable(_separable(x, 72), 72)  # an eighth
    x = _separable(fine, 112, 2)
    middle = _separable(_separable(x, 112), 112)
    x = _separable(middle, 136, 2)
    x = _separable(_separable(x, 136), 136)
    x = layers.Add()([layers.UpSampling2D()(_plain(x, 112)), middle])
    x = _separable(x, 112)
    x = layers.Add()([layers.UpSampling2D()(_plain(x, 72)), fine])
    x = _separable(_separable(x, 72), 72)
    score = layers.Conv2D(1, 1, bias_initializer=tf.keras.initializers.Constant(_RARE), name="score")(x)
    box = layers.Conv2D(4, 1, name="box")(x)
    landmarks = layers.Conv2D(2 * LANDMARKS, 1, name="landmarks")(x)
    return tf.keras.Model(image, [score, box, landmarks])


def _plain(x: Any, channels: int, kernel: int = 1, stride: int = 1) -> Any:
    layers = tf.keras.layers
    x = layers.Conv2D(channels, kernel, stride, "same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def _separable(x: Any, channels: int, stride: int = 1) -> Any:
    """Depthwise, then pointwise; what comes in is added where it fits."""
    layers = tf.keras.layers
    y = layers.DepthwiseConv2D(3, stride, "same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(channels, 1, use_bias=False)(y))
    if x.shape[-1] == channels and stride == 1:
        y = layers.Add()([x, y])
    return layers.ReLU()(y)
