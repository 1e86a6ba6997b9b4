"""From a trained Keras network to a full-integer .tflite file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def to_int8(model: Any, examples: NDArray[np.float32]) -> bytes:
    """The network with int8 input, output, weights and activations; ranges from `examples`."""

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for example in examples:
            yield [example[np.newaxis]]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())
