"""The networks that learn: the student, which ships, and the teachers, whose answers it learns from.

The student is the network of `models.face.network` layer by layer, so that its weights can be carried over to be
converted. The first teacher is depthwise-separable too; the others are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from edge.face.crop import LEAST_SPREAD
from edge.readings import LABELS
from models.face.residual import Residual
from models.face.shape import BLOCKS, SIDE, STEM

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]  # kernel and bias

_EPSILON = 1e-3  # of the batch norms, as in Keras
_LAYOUT = torch.channels_last  # several times as fast on a CPU

# The teacher: a MobileNet. Per block: channels out, stride.
_TEACHER_STEM = 32
_TEACHER_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
# It learned from pictures of 224 pixels, less the mean of all; ours are enlarged to as much as time allows.
_TEACHER_SIDE = 144
_GREY_LEVELS = 60  # the spread of a picture
_FROZEN = 6  # layers: enlarging, the stem and four blocks see edges and spots, which need not be learned again


class Network(nn.Module):  # type: ignore[misc]
    """A trunk and one linear layer."""

    def __init__(self, layers: list[Any], features: int, dropout: float, *, frozen: int = 0) -> None:
        """`layers` end in `features` maps of any size; the first `frozen` never learn.

        In bfloat16 where the machine can, which is quicker; see `half`.
        """
        super().__init__()
        self.trunk = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, len(LABELS))
        self._frozen = frozen
        self.half = bool(torch.cpu._is_avx512_bf16_supported())
        self.trunk[:frozen].requires_grad_(False)

    def train(self, mode: bool = True) -> Network:
        """As ever, but the norms of frozen layers stay as they are."""
        super().train(mode)
        self.trunk[: self._frozen].eval()
        return self

    def forward(self, pictures: Any) -> Any:
        """The logits for standardised pictures of (items, 1, side, side)."""
        device = pictures.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.half or device != "cpu"):
            maps = _SameLayout.apply(self.trunk(pictures.contiguous(memory_format=_LAYOUT)))
        return self.head(self.dropout(maps.float().mean(dim=(2, 3))))


def student(dropout: float = 0.2) -> Any:
    """Depthwise-separable with residuals; see `models.face.network.build`."""
    layers: list[Any] = [nn.Conv2d(1, STEM, 3, padding=1, bias=False), _norm(STEM), nn.ReLU6(inplace=True)]
    before = STEM
    for channels, stride in BLOCKS:
        layers.append(_Separable(before, channels, stride, residual=stride == 1 and before == channels))
        before = channels
    return Network(layers, before, dropout).to(memory_format=_LAYOUT)


def teacher(dropout: float = 0.4) -> Any:
    """More than four times the student; used in training only. Untrained: see `begin`."""
    layers: list[Any] = [_Enlarge(), _Stem(_TEACHER_STEM)]
    before = _TEACHER_STEM
    for channels, stride in _TEACHER_BLOCKS:
        layers.append(_Separable(before, channels, stride, residual=False))
        before = channels
    return Network(layers, before, dropout, frozen=_FROZEN).to(memory_format=_LAYOUT)


def residual(dropout: float = 0.4) -> Any:
    """A teacher that begins with nothing; see `models.face.residual`."""
    return Network([Residual()], 512, dropout).to(memory_format=_LAYOUT)


def standardised(pictures: Any) -> Any:
    """What `edge.face.crop.prepare` does, for a batch."""
    pictures = pictures - pictures.mean(dim=(1, 2, 3), keepdim=True)
    return pictures / pictures.std(dim=(1, 2, 3), keepdim=True, unbiased=False).clamp(min=LEAST_SPREAD)


def for_student(pictures: Any) -> Any:
    """Pictures of any size as the student sees them."""
    return standardised(functional.interpolate(pictures, size=(SIDE, SIDE), mode="area"))


def begin(network: Any, found: Mapping[str, NDArray[np.float32]], examples: Any) -> None:
    """Give a teacher the weights of `models.face.pretrained`; `examples` are pictures to set its norms by."""
    _, stem, *blocks = network.trunk
    colours = found["conv1/convolution/merged_input"].sum(axis=2, keepdims=True)  # grey is the same in all three
    _put(stem.mix.weight, _GREY_LEVELS * colours.transpose(3, 2, 0, 1))
    _put_norm(stem.mix_norm, 1.0, found["conv1_bn/batchnorm_1/sub"])
    for number, block in enumerate(blocks, 1):
        spread, mix = f"conv_dw_{number}", f"conv_pw_{number}"
        _put(block.spread.weight, found[f"{spread}/depthwise_kernel"].transpose(2, 3, 0, 1))
        _put_norm(block.spread_norm, found[f"{spread}_bn/batchnorm_1/mul"], found[f"{spread}_bn/batchnorm_1/sub"])
        _put(block.mix.weight, found[f"{mix}/convolution/merged_input"].transpose(3, 2, 0, 1))
        _put_norm(block.mix_norm, 1.0, found[f"{mix}_bn/batchnorm_1/sub"])
    _unfold_norms(network, examples)


def continue_from(network: Any, layers: list[Layer], head: Layer, examples: Any) -> None:
    """Give a student the kernels and biases of `models.face.predecessor`, in the order of its own convolutions."""
    stem, stem_norm = network.trunk[0], network.trunk[1]
    pairs = [(stem, stem_norm)]
    for block in network.trunk[3:]:
        pairs += [(block.spread, block.spread_norm), (block.mix, block.mix_norm)]
    for (convolution, norm), (kernel, bias) in zip(pairs, layers, strict=True):
        _put(convolution.weight, kernel)
        _put_norm(norm, 1.0, bias)
    _put(network.head.weight, head[0])
    _put(network.head.bias, head[1])
    _unfold_norms(network, examples)


def _put(parameter: Any, values: NDArray[np.floating[Any]]) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.array(values, np.float32)))


def _put_norm(norm: Any, scale: NDArray[np.float32] | float, shift: NDArray[np.float32]) -> None:
    _put(norm.weight, np.broadcast_to(np.float32(scale), shift.shape))
    _put(norm.bias, shift)
    _put(norm.running_mean, np.zeros_like(shift))
    _put(norm.running_var, np.full_like(shift, 1 - _EPSILON))


def _unfold_norms(network: Any, examples: Any) -> None:
    """The norms were folded into the kernels: make them norms again that learn, and say the same of `examples`."""

    def remember(norm: Any, inputs: Any) -> None:
        variance, mean = torch.var_mean(inputs[0].float(), dim=(0, 2, 3))
        with torch.no_grad():
            norm.bias += norm.weight * mean
            norm.weight *= (variance + norm.eps).sqrt()
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)

    network.eval()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    handles = [norm.register_forward_pre_hook(remember) for norm in norms]
    with torch.no_grad():
        network(examples)
    for handle in handles:
        handle.remove()


class _SameLayout(torch.autograd.Function):  # type: ignore[misc]
    """Nothing, but what is learned comes back in the layout of the maps: mixed layouts are slow."""

    @staticmethod
    def forward(_: Any, maps: Any) -> Any:
        return maps.view_as(maps)

    @staticmethod
    def backward(_: Any, gradient: Any) -> Any:
        return gradient.contiguous(memory_format=_LAYOUT)


class _Enlarge(nn.Module):  # type: ignore[misc]
    """To the size that the teacher looks at."""

    def forward(self, x: Any) -> Any:
        return functional.interpolate(x, size=(_TEACHER_SIDE, _TEACHER_SIDE), mode="bilinear", align_corners=False)


class _Stem(nn.Module):  # type: ignore[misc]
    """The teacher's first convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(1, channels, 3, 2, bias=False)
        self.mix_norm = _norm(channels)

    def forward(self, x: Any) -> Any:
        return functional.relu6(self.mix_norm(self.mix(functional.pad(x, (0, 1, 0, 1)))), inplace=True)


class _Separable(nn.Module):  # type: ignore[misc]
    """A convolution in each channel, then one across channels."""

    def __init__(self, before: int, channels: int, stride: int, *, residual: bool) -> None:
        super().__init__()
        self._stride, self._residual = stride, residual
        self.spread = nn.Conv2d(before, before, 3, 1, padding=int(stride == 1), groups=before, bias=False)
        self.spread_norm = _norm(before)
        self.mix = nn.Conv2d(before, channels, 1, bias=False)
        self.mix_norm = _norm(channels)

    def forward(self, x: Any) -> Any:
        if self._stride == 1:
            y = self.spread(x)
        else:
            # TensorFlow pads only below and to the right. Every second answer of a convolution without a stride is the
            # same as one with a stride, and on a CPU its gradient takes a third of the time.
            y = self.spread(functional.pad(x, (0, 1, 0, 1)))[:, :, ::2, ::2].contiguous(memory_format=_LAYOUT)
        y = functional.relu6(self.spread_norm(y), inplace=True)
        y = self.mix_norm(self.mix(y))
        return functional.relu6(x + y if self._residual else y, inplace=True)


def _norm(channels: int) -> Any:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=0.05)
