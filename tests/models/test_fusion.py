from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from edge.config import schema
from edge.device import resources
from edge.emotion.fusion import EVEN, FusionWeights, fuse, learned_weights
from edge.readings import LABELS, FaceReading, SpeechReading
from models.fusion.evaluate import SHIPPED
from models.fusion.pairs import Pairs, Side, drawn, joined, without
from models.fusion.rules import PLAIN, fitted, log_pool, loss, regression

FOLDER = resources.models() / "fusion"


def side(strength: float, count: int = 700, seed: int = 0, quality: float = 1.0) -> Side:
    """A model that is right in proportion to `strength`, and says honestly how sure it is."""
    random = np.random.default_rng(seed)
    truth = np.arange(count) % len(LABELS)
    logits = random.normal(0, 1, (count, len(LABELS)))
    logits[np.arange(count), truth] += strength
    powers = np.exp(logits * strength)
    answers = powers / powers.sum(axis=1, keepdims=True)
    return Side(truth, answers, np.full(count, quality), answers, np.zeros(count, np.int64))


def pair(face: Side, speech: Side, count: int, seed: int) -> Pairs:
    return joined(face, speech, drawn(face, speech, count, seed))


def accuracy(pairs: Pairs, answers: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(np.mean(answers.argmax(axis=1) == pairs.truth))


TRUST = (1.3, 0.7, 1.0, 1.2, 0.8, 0.9, 1.1)
UNEVEN = FusionWeights(
    name="fusion", version="test", face=0.85, speech=1.1, face_power=0.6, speech_power=1.4,
    face_trust=TRUST, speech_trust=TRUST[::-1],
)  # fmt: skip


@pytest.mark.parametrize("missing", ["", "face", "speech"])
def test_the_recipe_pools_as_the_service_does(missing: str) -> None:
    pairs = pair(side(2.0, quality=0.8), side(1.0, seed=1, quality=0.4), 70, 0)
    if missing:
        pairs = without(pairs, missing)
    at_once = log_pool(pairs, UNEVEN)
    for row in range(len(pairs.truth)):
        faces = [FaceReading(5.0, 1, tuple(pairs.face[row]), pairs.face_quality[row], 90.0)]
        speech = SpeechReading(5.0, tuple(pairs.speech[row]), pairs.speech_quality[row], 20.0, 0.9, 1)
        one = fuse(faces, speech, 5.0, schema.FusionConfig(), UNEVEN)
        assert one is not None
        assert at_once[row] == pytest.approx(one.probabilities, abs=1e-9)


def test_pairs_share_their_label_and_every_label_comes_as_often() -> None:
    face, speech = side(2.0), side(1.0, seed=1)
    pairs = pair(face, speech, 700, 3)
    assert np.bincount(pairs.truth).tolist() == [100] * 7
    for row in range(0, 700, 50):
        chosen = np.flatnonzero((face.probabilities == pairs.face[row]).all(axis=1))
        assert face.truth[chosen[0]] == pairs.truth[row]


def test_noise_gets_no_weight_and_fusing_beats_either_alone() -> None:
    good, random = side(2.0), np.random.default_rng(0)
    noise = replaced(good, random.dirichlet(np.ones(7), len(good.truth)))
    weights = fitted([pair(good, noise, 1400, 0)], power=False, trust=False)
    assert weights.speech <= 0.1 < weights.face
    pairs = pair(side(2.0), side(1.5, seed=1), 1400, 0)
    fused = log_pool(pairs, fitted([pairs], power=False, trust=False))
    assert loss(pairs.truth, fused) < min(loss(pairs.truth, pairs.face), loss(pairs.truth, pairs.speech))


def replaced(one: Side, answers: np.ndarray[Any, np.dtype[np.float64]]) -> Side:
    return Side(one.truth, answers, one.quality, one.features, one.group)


def test_quality_and_labels_are_learned_where_they_tell_something() -> None:
    good, speech = side(2.0), side(1.2, seed=1)
    misled = np.random.default_rng(0).dirichlet(np.full(7, 0.3), len(good.truth))  # sure, and mostly wrong
    poor = replaced(side(0.0, seed=2, quality=0.2), misled)
    sets = [pair(good, speech, 1400, 0), pair(poor, speech, 1400, 0)]
    weights = fitted(sets, power=True, trust=False)
    assert weights.face_power > 0.3
    assert accuracy(sets[1], log_pool(sets[1], weights)) >= accuracy(sets[1], sets[1].speech) - 0.01
    blind = good.probabilities.copy()
    blind[:, 3] = blind[:, 4]  # a face model that cannot tell anger from fear
    some = pair(replaced(good, blind / blind.sum(axis=1, keepdims=True)), speech, 2800, 0)
    told = fitted([some], power=False, trust=True)
    assert loss(some.truth, log_pool(some, told)) <= loss(
        some.truth, log_pool(some, fitted([some], power=False, trust=False))
    )


def test_a_regression_learns_what_can_be_told() -> None:
    one = side(2.0)
    learned = regression(np.log(one.probabilities), one.truth, 1e-3)(np.log(one.probabilities))
    assert loss(one.truth, learned) <= loss(one.truth, one.probabilities) + 0.02
    assert learned.sum(axis=1) == pytest.approx(1)


def test_the_shipped_weights_are_used_and_measured() -> None:
    weights, measured = learned_weights(), read_metrics()
    assert 0.0 < weights.face <= 3.0
    assert 0.0 < weights.speech <= 3.0
    assert weights.metrics["accuracy"] == measured["ways"][SHIPPED]["accuracy"]
    even = np.full((1, 7), 1 / 7)
    one = Pairs(np.array([0]), even, even, np.ones(1), np.ones(1))
    alike = replace(weights, face_trust=EVEN, speech_trust=EVEN)
    assert log_pool(one, alike)[0] == pytest.approx(np.full(7, 1 / 7))
    assert log_pool(one, PLAIN)[0] == pytest.approx(np.full(7, 1 / 7))


def test_fused_is_never_much_below_the_better_one_alone() -> None:
    for name, measured in read_metrics()["conditions"].items():
        assert measured["fused"] >= max(measured["face"], measured["speech"]) - 0.01, name


def read_metrics() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "metrics.json").read_text())
    return found
