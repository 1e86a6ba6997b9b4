"""A file in two parts says what it said in one. Needs TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from ai_edge_litert.interpreter import Interpreter  # noqa: E402

from models.common.parts import separated  # noqa: E402

DRAW = np.random.default_rng(0)
KERNEL, OTHER = DRAW.normal(size=(5, 5)).astype(np.float32), DRAW.normal(size=(3, 2)).astype(np.float32)


def step(sound: Any, sums: Any) -> dict[str, Any]:
    return {
        "state": tf.tanh(tf.matmul(sound, KERNEL)),
        "answer": tf.nn.relu(tf.matmul(tf.tanh(sums), OTHER)) + 1,
    }


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    module = tf.Module()
    module.step = tf.function(step, input_signature=[tf.TensorSpec((1, 5)), tf.TensorSpec((1, 3))])
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.step})
    return bytes(tf.lite.TFLiteConverter.from_saved_model(str(tmp_path)).convert())


def test_each_part_runs_by_itself_and_says_what_the_whole_said(whole: bytes) -> None:
    draw = np.random.default_rng(1)
    sound, sums = draw.normal(size=(1, 5)).astype(np.float32), draw.normal(size=(1, 3)).astype(np.float32)
    said = Interpreter(model_content=whole).get_signature_runner()(sound=sound, sums=sums)
    parts = Interpreter(model_content=separated(whole, ("sums",), "answer"))
    assert (parts.get_signature_runner("serving_default")(sound=sound)["state"] == said["state"]).all()
    assert (parts.get_signature_runner("answer")(sums=sums)["answer"] == said["answer"]).all()


def test_the_first_part_no_longer_holds_the_other(whole: bytes) -> None:
    parts = Interpreter(model_content=separated(whole, ("sums",), "answer"))
    assert [detail["shape"].tolist() for detail in parts.get_input_details()] == [[1, 5]]
    assert [detail["shape"].tolist() for detail in parts.get_output_details()] == [[1, 5]]


def test_the_content_of_tensors_is_aligned(whole: bytes) -> None:
    content = separated(whole, ("sums",), "answer")
    places = {content.find(values.tobytes()) for values in (KERNEL, np.ascontiguousarray(KERNEL.T))} - {-1}
    assert places
    assert all(place % 16 == 0 for place in places)
