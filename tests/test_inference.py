from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge import inference
from edge.device import resources
from edge.errors import ModelError
from edge.inference import Model, Runtime, Tensor, dequantise, quantise, read_manifest, softmax

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
def test_a_file_of_one_piece_answers_by_running_whole() -> None:
    model = Model(FACE)
    (tensor,) = model.manifest.inputs
    picture = {tensor.name: np.random.default_rng(0).normal(size=tensor.shape).astype(np.float32)}
    said = model.run(picture)
    assert all((said[name] == values).all() for name, values in model.answer(picture).items())


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


@needs_model
def test_a_delegate_that_does_not_work_is_told_in_one_line_and_the_processor_does_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "libbroken.so"
    broken.write_bytes(b"not a library")
    for path in (broken, tmp_path / "libmissing.so"):
        caplog.clear()
        model = Model(FACE, Runtime(delegate=str(path)))
        (record,) = caplog.records
        assert str(path) in record.getMessage()
        assert "the processor is used instead" in record.getMessage()
        assert "\n" not in record.getMessage()
        shown = {"image": np.zeros(model.manifest.inputs[0].shape, np.float32)}
        assert np.array_equal(model.run(shown)["logits"], Model(FACE).run(shown)["logits"])


@needs_model
def test_a_delegate_that_works_is_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Seen from the interpreter: what it is given, and that it has run before the model counts as loaded."""
    given: dict[str, object] = {}
    kind = inference._interpreter_class()

    class Interpreter(kind):  # type: ignore[misc, valid-type]
        def __init__(self, *, experimental_delegates: object = None, **rest: object) -> None:
            given.update(rest, delegates=experimental_delegates, runs=0)
            super().__init__(**rest)

        def invoke(self) -> None:
            given["runs"] = 1
            super().invoke()

    Interpreter.__module__ = kind.__module__
    monkeypatch.setattr(inference, "_interpreter_class", lambda: Interpreter)
    monkeypatch.setattr("edge.inference.ctypes.CDLL", lambda _: None)
    monkeypatch.setattr(importlib.import_module(kind.__module__), "load_delegate", lambda path: f"delegate {path}")
    Model(FACE, Runtime(threads=2, delegate="libmine.so"))
    assert (given["delegates"], given["num_threads"], given["runs"]) == (["delegate libmine.so"], 2, 1)
    assert not caplog.records


@needs_model
def test_threads_change_nothing_but_the_time() -> None:
    one, two = Model(FACE), Model(FACE, Runtime(threads=2))
    shown = np.random.default_rng(0).normal(0, 1, one.manifest.inputs[0].shape).astype(np.float32)
    assert np.array_equal(one.run({"image": shown})["logits"], two.run({"image": shown})["logits"])
