"""The exported step is the trained network, with finer steps for int8. Needs TensorFlow and PyTorch."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
torch = pytest.importorskip("torch")

from ai_edge_litert.interpreter import Interpreter  # noqa: E402

from edge.inference import ANSWER  # noqa: E402
from edge.speech.classifier import CLASSES  # noqa: E402
from edge.speech.features import CONTEXT, FEATURES  # noqa: E402
from edge.speech.frames import CHUNK  # noqa: E402
from edge.speech.spectrum import BANDS  # noqa: E402
from models.speech.export import INPUTS, OUTPUTS, ChunkStep, convert, dense, tensor_names  # noqa: E402
from models.speech.head import Answer  # noqa: E402
from models.speech.network import Network, plain  # noqa: E402
from models.speech.recipe import UNIT, Recipe  # noqa: E402


def test_a_convolution_of_one_is_a_matrix_product() -> None:
    draw = np.random.default_rng(0)
    values, kernel, bias = (draw.normal(size=shape).astype(np.float32) for shape in ((3, 5), (5, 4), (4,)))
    assert dense(values, kernel, bias).numpy() == pytest.approx(values @ kernel + bias, abs=1e-5)


def test_the_exported_step_says_what_the_network_says() -> None:
    torch.manual_seed(0)
    draw = np.random.default_rng(1)
    net = Network(1, Recipe(), 4, 5).eval()
    nothing = np.zeros(2 * Recipe.units, np.float32)
    kernel = np.zeros((2 * Recipe.units, len(CLASSES)), np.float32)
    step = ChunkStep(plain(net, Answer(nothing, nothing + 1, kernel, np.zeros(len(CLASSES), np.float32))))
    features = draw.normal(0, 1, (3, 1, CHUNK, FEATURES)).astype(np.float32)
    bands = draw.normal(0, 1, (3, 1, CONTEXT + CHUNK, BANDS)).astype(np.float32)
    h = c = tf.zeros((1, Recipe.units))
    found, weights = [], []
    for chunk in zip(features, bands, strict=True):
        said = step.step(tf.constant(chunk[0]), tf.constant(chunk[1]), h, c, nothing[None])
        h, c = said["states"][-1:], said["c"]
        found.append(said["states"].numpy())
        weights.append(said["weights"].numpy())
    units = torch.from_numpy(features.reshape(1, -1, UNIT * FEATURES))
    with torch.inference_mode():
        states, counts = net(units, torch.from_numpy(bands.reshape(1, 3, CONTEXT + CHUNK, BANDS)))
    assert np.concatenate(found) == pytest.approx(states[0].numpy(), abs=1e-3)
    assert np.concatenate(weights) == pytest.approx(counts[0].numpy(), abs=1e-3)


def test_the_file_answers_apart_and_its_tensors_have_our_names() -> None:
    draw = np.random.default_rng(2)
    spread = draw.normal(0, 1, (2 * Recipe.units, len(CLASSES))).astype(np.float32)
    nothing = np.zeros(2 * Recipe.units, np.float32)
    net = Network(1, Recipe(), 4, 5).eval()
    trained = plain(net, Answer(nothing, nothing + 1, spread, np.zeros(len(CLASSES), np.float32)))
    features = draw.normal(0, 1, (6, CHUNK, FEATURES)).astype(np.float32)
    bands = draw.normal(0, 1, (6, CONTEXT + CHUNK, BANDS)).astype(np.float32)
    content = convert(trained, [(features, bands)])
    interpreter = Interpreter(model_content=content)
    assert set(interpreter.get_signature_list()[ANSWER]["inputs"]) == {"statistics"}
    inputs, outputs = tensor_names(content, Recipe.units)
    assert (tuple(inputs), tuple(outputs)) == (INPUTS, OUTPUTS)
    taken = [detail["name"] for detail in interpreter.get_input_details()]
    assert sorted(taken) == sorted(full for name, full in inputs.items() if name != "statistics")
