from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.device import resources
from edge.errors import ModelError
from edge.inference import Model, Tensor, dequantise, quantise, read_manifest, softmax

FACE = resources.models() / "face"
needs_model = pytest.mark.skipif(not (FACE / "manifest.json").exists(), reason="models/face is not there yet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FACE, tmp_path / "face", ignore=shutil.ignore_patterns("*.py", "*.png", "__pycache__"))
    return tmp_path / "face"


@needs_model
def test_an_altered_file_is_refused(folder: Path) -> None:
    file = folder / read_manifest(folder).file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        Model(folder)


@needs_model
def test_half_a_file_is_refused(folder: Path) -> None:
    file = folder / read_manifest(folder).file
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelError, match="reinstall"):
        Model(folder)


@needs_model
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [1, 2, 3, 4]}, "differs from the manifest"),
        ({"scale": 0.5}, "differs from the manifest"),
        ({"tensor": "another"}, "not those of its manifest"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_refused(
    folder: Path, change: dict[str, object], message: str
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["inputs"][0] |= change
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=message):
        Model(folder)


@needs_model
def test_an_input_of_the_wrong_shape_is_an_error_that_says_so() -> None:
    model = Model(FACE)
    (tensor,) = model.manifest.inputs
    with pytest.raises(ModelError, match="shape"):
        model.run({tensor.name: np.zeros((1, 5), np.float32)})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 1}', "\x00", '{"surprise": true}'])
def test_a_manifest_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ModelError, match="not a usable manifest"):
        read_manifest(tmp_path)


def test_an_absent_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        read_manifest(tmp_path)


def test_quantising_saturates_and_comes_back_within_half_a_step() -> None:
    tensor = Tensor("x", "x", (5,), "int8", 0.1, 3)
    values = np.array([-100.0, -1.0, 0.0, 1.04, 100.0], np.float32)
    back = dequantise(quantise(values, tensor), tensor)
    assert back == pytest.approx([-13.1, -1.0, 0.0, 1.0, 12.4], abs=1e-5)


def test_softmax_of_extremes_is_a_distribution() -> None:
    p = softmax(np.array([1e4, -1e4, 0.0], np.float32), temperature=0.5)
    assert sum(p) == pytest.approx(1.0)
    assert p[0] == pytest.approx(1.0)
