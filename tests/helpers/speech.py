"""A speech model that learns nothing of a voice, for tests of all else."""

import shutil
from pathlib import Path

import msgspec

from edge.device import resources
from edge.inference import read_manifest


def model_with(folder: Path, **preprocessing: object) -> Path:
    """A copy of the shipped model with other numbers in its manifest; None leaves one out."""
    copy = folder / "speech"
    shutil.copytree(resources.models() / "speech", copy)
    manifest = read_manifest(copy)
    both = manifest.preprocessing | preprocessing
    kept = {name: value for name, value in both.items() if value is not None}
    (copy / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, preprocessing=kept)))
    return copy
