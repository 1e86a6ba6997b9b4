"""Writing models/<name>/manifest.json so that `edge.inference` accepts the file beside it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edge.inference import Manifest, Tensor, parts_of, read_manifest

_NUMBERS = re.compile(rb"\[\s*((?:-?[0-9][0-9.e+-]*,?\s*)+)\]")


def write_manifest(
    folder: Path,
    *,
    name: str,
    version: str,
    file: str,
    labels: tuple[str, ...],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    preprocessing: Mapping[str, Any],
    temperature: float = 1.0,
    natural_prior: Mapping[str, float] | None = None,
) -> Manifest:
    """Describe `folder/file` and write the manifest, without metrics (see `write_metrics`).

    `inputs` and `outputs` map our short names to the names of the tensors in the file;
    shapes, types and scales are read from the file itself.
    """
    content = (folder / file).read_bytes()
    parts = parts_of(Interpreter(model_content=content))
    manifest = Manifest(
        name=name,
        version=version,
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        labels=labels,
        inputs=_tensors(inputs, [detail for part in parts for detail in part.inputs]),
        outputs=_tensors(outputs, [detail for part in parts for detail in part.outputs]),
        preprocessing=dict(preprocessing),
        temperature=temperature,
        natural_prior=dict(natural_prior or {}),
    )
    _save(folder, manifest)
    return manifest


def write_metrics(folder: Path, metrics: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Keep all `metrics` in metrics.json and their `summary` in the manifest. Only evaluation calls this."""
    text = msgspec.json.format(msgspec.json.encode(metrics), indent=1)
    (folder / "metrics.json").write_bytes(text + b"\n")
    _save(folder, msgspec.structs.replace(read_manifest(folder), metrics=dict(summary)))


def write_temperature(folder: Path, temperature: float, **preprocessing: float) -> None:
    """Another temperature for the same file, and the numbers of its preprocessing that go with it."""
    manifest = read_manifest(folder)
    both = manifest.preprocessing | preprocessing
    _save(folder, msgspec.structs.replace(manifest, temperature=temperature, preprocessing=both))


def write_natural_prior(folder: Path, prior: Mapping[str, float]) -> None:
    """Another natural prior beside the same file."""
    _save(folder, msgspec.structs.replace(read_manifest(folder), natural_prior=dict(prior)))


def _tensors(names: Mapping[str, str], details: list[dict[str, Any]]) -> tuple[Tensor, ...]:
    by_name = {detail["name"]: detail for detail in details}
    tensors = []
    for short, full in names.items():
        detail = by_name[full]
        scale, zero_point = detail["quantization"]
        tensors.append(
            Tensor(
                name=short,
                tensor=full,
                shape=tuple(int(n) for n in detail["shape"]),
                dtype=np.dtype(detail["dtype"]).name,  # type: ignore[arg-type]
                scale=float(scale),
                zero_point=int(zero_point),
            )
        )
    return tuple(tensors)


def _save(folder: Path, manifest: Manifest) -> None:
    """With the numbers of a list in one line: some have thousands."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    rows = _NUMBERS.sub(lambda found: b"[" + b", ".join(found[1].replace(b",", b" ").split()) + b"]", text)
    (folder / "manifest.json").write_bytes(rows + b"\n")
