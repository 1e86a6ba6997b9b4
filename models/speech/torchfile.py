"""Reading the tensors of a file that torch.save wrote before version 1.6, without torch."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np

from edge.inference import Floats


class _Reader(pickle.Unpickler):
    """Knows the few names that such a file holds, and refuses others: a pickle could run anything."""

    def __init__(self, file: io.BytesIO, storages: dict[str, list[Any]]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _view,
            ("torch", "FloatStorage"): "float32",
            ("torch", "LongStorage"): "int64",
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")
        return known[module, name]

    def persistent_load(self, saved: Any) -> list[Any]:
        _, dtype, key, *_ = saved
        return self._storages.setdefault(key, [dtype, []])


def _view(storage: list[Any], offset: int, size: tuple[int, ...], *_: Any) -> list[Any]:
    """A tensor to be, once the numbers are known. They follow at the end of the file."""
    tensor = [storage, offset, size]
    storage[1].append(tensor)
    return tensor


def tensors(content: bytes) -> dict[str, Floats]:
    """The contiguous float tensors of its `model_state`, by name."""
    file = io.BytesIO(content)
    storages: dict[str, list[Any]] = {}
    for _ in range(3):
        _Reader(file, storages).load()  # magic number, version, byte order
    saved = _Reader(file, storages).load()
    numbers: dict[int, Any] = {}
    for key in _Reader(file, storages).load():
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        dtype = np.dtype(storages[key][0]).newbyteorder("<")
        numbers[id(storages[key])] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    found = {}
    for name, (storage, offset, size) in saved["model_state"].items():
        flat = numbers[id(storage)]
        found[name] = flat[offset : offset + int(np.prod(size))].reshape(size).astype(np.float32)
    return found
