"""The only place that knows TFLite: load by manifest, verify, quantise, run, dequantise."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import importlib
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import MissingPackage, ModelError

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
ANSWER = "answer"  # the signature of a part of a file that gives answers without running the rest
MAX_BYTES = 32_000_000  # a model of ours is some hundred kilobytes
PlainName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]  # a file beside the manifest


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input or output as the file declares it. `scale` 0 means that it is not quantised."""

    name: str  # ours, short: "image", "features", "h"
    tensor: str  # the file's own name for it
    shape: tuple[int, ...]
    dtype: Literal["int8", "uint8", "int16", "int32", "float32"]
    scale: float = 0.0
    zero_point: int = 0


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """models/<name>/manifest.json."""

    name: str
    version: str
    file: PlainName
    sha256: str
    labels: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    preprocessing: dict[str, Any] = {}
    temperature: Annotated[float, msgspec.Meta(ge=0.01, le=100.0)] = (
        1.0  # divides the logits, fitted on validation data
    )
    # The logarithm of how common each label was among the faces that taught: not in the answers, for those who want it.
    natural_prior: dict[str, float] = {}
    metrics: dict[str, Any] = {}  # with their protocol; written by the evaluation command


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`, or a ModelError that names what is wrong with it."""
    path = folder / "manifest.json"
    try:
        return msgspec.json.decode(read_bounded(path), type=Manifest)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; a model folder holds manifest.json and a .tflite file") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: not a usable manifest: {error}") from None


def read_bounded(path: Path, *, follow: bool = True) -> bytes:
    """The content of an ordinary file of bearable size; OSError for anything else."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is not a file", str(path))
        if status.st_size > MAX_BYTES:
            raise OSError(errno.EFBIG, f"is larger than {MAX_BYTES // 1_000_000} MB", str(path))
        return file.read(MAX_BYTES)


@cache
def _interpreter_class() -> Any:
    """ai-edge-litert where it is installed, else tflite-runtime."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            raise MissingPackage(
                "no TFLite runtime is installed: pip install ai-edge-litert (or tflite-runtime below Python 3.12)"
            ) from None
    return Interpreter


@contextlib.contextmanager
def _chatter_silenced() -> Iterator[None]:
    """The runtime greets each model on stderr, past every logger; errors come as exceptions all the same."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def runtime_name() -> str:
    """Which runtime is in use, for `info` and the doctor."""
    return str(_interpreter_class().__module__.split(".")[0])


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a model runs on."""

    threads: int = 1  # of the processor: XNNPACK's
    delegate: str = ""  # path of a shared library for an accelerator; empty: the processor


CPU = Runtime()


class Model:
    """One verified TFLite file. Not to be shared between threads."""

    def __init__(self, folder: Path, runtime: Runtime = CPU) -> None:
        """A delegate that does not work is told in one line of the log, and the processor does its work."""
        self.manifest = read_manifest(folder)
        path = folder / self.manifest.file
        content = _verified(path, self.manifest.sha256)
        interpreter = _accelerated(content, runtime, path) if runtime.delegate else None
        if interpreter is None:
            try:
                with _chatter_silenced():
                    interpreter = _interpreter_class()(model_content=content, num_threads=runtime.threads)
                    interpreter.allocate_tensors()
            except (ValueError, RuntimeError) as error:
                raise ModelError(f"{path}: the runtime cannot load it: {error}") from None
        parts = parts_of(interpreter)
        _match(self.manifest.inputs, [detail for part in parts for detail in part.inputs], path)
        _match(self.manifest.outputs, [detail for part in parts for detail in part.outputs], path)
        self._main, self._answering = parts[0], parts[-1]
        self._inputs = {tensor.tensor: tensor for tensor in self.manifest.inputs}
        self._outputs = {tensor.tensor: tensor for tensor in self.manifest.outputs}

    def quantised(self, name: str, values: Floats) -> NDArray[Any]:
        """Real numbers, of any shape, as the input `name` of the file holds them."""
        return quantise(values, next(tensor for tensor in self.manifest.inputs if tensor.name == name))

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
        """Real numbers in and out, by the names of the manifest; shapes as declared there.

        An input may also be of the file's own type, as `quantised` gives it.
        """
        return self._through(self._main, inputs)

    def answer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
        """As `run`, of a file's part for answers alone; a file of one part runs whole."""
        return self._through(self._answering, inputs)

    def _through(self, part: ModelPart, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
        """What this part of the file says."""
        taken = {detail["name"]: self._taken(self._inputs[detail["name"]], inputs) for detail in part.inputs}
        return {
            self._outputs[name].name: dequantise(values, self._outputs[name])
            for name, values in part.run(taken).items()
        }

    def _taken(self, tensor: Tensor, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """What the file takes for this input."""
        values = inputs[tensor.name]
        if values.shape != tensor.shape:
            raise ModelError(
                f"model {self.manifest.name}: input {tensor.name} has shape {values.shape}, not {tensor.shape}"
            )
        ready = tensor.scale and values.dtype == tensor.dtype
        return values if ready else quantise(values, tensor)


class ModelPart:
    """What runs at once in a file; `inputs` and `outputs` are the runtime's details of its tensors."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self.inputs: list[dict[str, Any]] = interpreter.get_input_details()
        self.outputs: list[dict[str, Any]] = interpreter.get_output_details()

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """By the file's names of the tensors."""
        for detail in self.inputs:
            self._interpreter.set_tensor(detail["index"], inputs[detail["name"]])
        self._interpreter.invoke()
        return {detail["name"]: self._interpreter.get_tensor(detail["index"]) for detail in self.outputs}


class _SeparatePart(ModelPart):
    """One that is a signature of its own."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        inputs, outputs = self._runner().get_input_details(), self._runner().get_output_details()
        self.inputs, self.outputs = [*inputs.values()], [*outputs.values()]
        self._keys = {detail["name"]: key for key, detail in (inputs | outputs).items()}

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        given = self._runner()(**{self._keys[name]: values for name, values in inputs.items()})
        return {detail["name"]: given[self._keys[detail["name"]]] for detail in self.outputs}

    def _runner(self) -> Any:
        """Not kept: while one lives, the interpreter refuses to run the rest."""
        return self._interpreter.get_signature_runner(ANSWER)


def parts_of(interpreter: Any) -> list[ModelPart]:
    """The main one, and the one for answers where the file has it."""
    apart = ANSWER in interpreter.get_signature_list()
    return [ModelPart(interpreter), _SeparatePart(interpreter)] if apart else [ModelPart(interpreter)]


def _accelerated(content: bytes, runtime: Runtime, path: Path) -> Any:
    """An interpreter that has run once with the delegate; None, and a warning, where that does not work."""
    kind = _interpreter_class()
    try:
        load = importlib.import_module(kind.__module__).load_delegate
        with _chatter_silenced():
            ctypes.CDLL(runtime.delegate)  # its own loader trips over a library that is none
            delegates = [load(runtime.delegate)]
            made = kind(model_content=content, num_threads=runtime.threads, experimental_delegates=delegates)
            made.allocate_tensors()
            made.invoke()  # some refuse a model only now
    except Exception as error:  # noqa: BLE001 - libraries of others raise what they like; it ends here, in words
        why = (str(error).splitlines() or [type(error).__name__])[0].removeprefix(f"{runtime.delegate}: ")
        log.warning(
            "%s cannot be used for %s (%s); the processor is used instead", runtime.delegate, path.parent.name, why
        )
        return None
    return made


def quantise(values: Floats, tensor: Tensor) -> NDArray[Any]:
    """Real numbers to what the file takes; out of range saturates."""
    if not tensor.scale:
        return values.astype(tensor.dtype)
    bounds = np.iinfo(tensor.dtype)
    steps: Floats = np.rint(values / np.float32(tensor.scale)) + tensor.zero_point
    quantised: NDArray[Any] = np.clip(steps, bounds.min, bounds.max).astype(tensor.dtype)
    return quantised


def dequantise(values: NDArray[Any], tensor: Tensor) -> Floats:
    """What the file gives, as real numbers."""
    if not tensor.scale:
        return values.astype(np.float32)
    return (values.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale)


def softmax(logits: Floats, temperature: float = 1.0) -> tuple[float, ...]:
    """Logits of one item to probabilities that sum to one."""
    scaled = logits.astype(np.float64).ravel() / temperature
    powers = np.exp(scaled - scaled.max())
    return tuple(float(p) for p in powers / powers.sum())


def _verified(path: Path, sha256: str) -> bytes:
    try:
        content = read_bounded(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}; reinstall the service") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(
            f"{path}: sha256 is {found[:12]}…, the manifest says {sha256[:12]}…; the file was altered or is half "
            "an update: reinstall the service"
        )
    return content


def _match(declared: tuple[Tensor, ...], details: list[dict[str, Any]], path: Path) -> None:
    """Refuse a file that is not what the manifest says."""
    by_name = {detail["name"]: detail for detail in details}
    if set(by_name) != {tensor.tensor for tensor in declared}:
        raise ModelError(f"{path}: has the tensors {sorted(by_name)}, not those of its manifest")
    for tensor in declared:
        detail = by_name[tensor.tensor]
        scale, zero_point = detail["quantization"]
        same = (
            tuple(int(n) for n in detail["shape"]) == tensor.shape
            and np.dtype(detail["dtype"]).name == tensor.dtype
            and np.isclose(scale, tensor.scale, rtol=1e-5)
            and zero_point == tensor.zero_point
        )
        if not same:
            raise ModelError(f"{path}: tensor {tensor.tensor} differs from the manifest in shape, type or scale")
