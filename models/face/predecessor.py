"""What the student begins with: the kernels of an earlier face model, read back from its file.

What that one learned of edges, mouths and brows need not be learned again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


def layers(file: Path) -> list[Layer]:
    """Kernels (as PyTorch has them) and biases of its convolutions, in the order in which they are applied."""
    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    found = []
    for operation in interpreter._get_ops_details():
        if operation["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            kernel, bias = (_real(interpreter, index) for index in operation["inputs"][1:])
            axes = (3, 0, 1, 2) if operation["op_name"] == "DEPTHWISE_CONV_2D" else (0, 3, 1, 2)
            found.append((np.ascontiguousarray(kernel.transpose(axes)), bias))
    return found


def head(file: Path) -> Layer:
    """Kernel and bias of its last layer, which gives the logits."""
    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    last = [each for each in interpreter._get_ops_details() if each["op_name"] == "FULLY_CONNECTED"][-1]
    kernel, bias = (_real(interpreter, index) for index in last["inputs"][1:])
    return kernel, bias


def fitting(found: list[Layer], shapes: list[tuple[int, ...]]) -> list[Layer]:
    """Those of them whose kernels have the `shapes`, in order, counted from the last; what has no place is left out."""
    rest = iter(found[::-1])
    chosen = []
    for shape in shapes[::-1]:
        layer = next((each for each in rest if each[0].shape == shape), None)
        if layer is None:
            raise SystemExit("the earlier model has too few layers, or others, to begin with: leave it out")
        chosen.append(layer)
    return chosen[::-1]


def _real(interpreter: Any, index: int) -> NDArray[np.float32]:
    details = interpreter._get_tensor_details(index, 0)
    quantised = details["quantization_parameters"]
    values = interpreter.get_tensor(index).astype(np.float32)
    if not len(quantised["scales"]):
        return np.asarray(values, np.float32)
    shape = [1] * values.ndim
    if len(quantised["scales"]) > 1:
        shape[quantised["quantized_dimension"]] = -1
    scales, zeros = (quantised[name].reshape(shape) for name in ("scales", "zero_points"))
    return np.asarray((values - zeros) * scales, np.float32)
