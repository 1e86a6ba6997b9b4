"""The recipe of the fusion computes what the service does, and finds weights that do well in the worst condition."""

from __future__ import annotations

import numpy as np
import pytest

from edge.config import schema
from edge.device import resources
from edge.emotion.evidence import NONE, distribution
from edge.emotion.fusion import FusionWeights, Said, beyond_rest, fuse, learned_weights, weight_of
from edge.readings import LABELS
from models.fusion.moments import Moments
from models.fusion.rules import Condition, fitted, loss, posterior, recall

UNEVEN = FusionWeights(
    name="fusion", version="test", face=0.85, speech=1.1, face_power=0.6, speech_power=1.4,
    face_offsets=(0.0, 0.4, -0.2, 0.1, 0.0, -0.3, 0.0), rest_neutral=1.2, apart=0.4,
)  # fmt: skip


def made(face: float, speech: float, count: int = 700, seed: int = 0, quality: float = 1.0) -> Moments:
    """Evidence that is right in proportion to the strength of each side."""
    random = np.random.default_rng(seed)
    truth = np.arange(count) % len(LABELS)
    sides = []
    for strength in (face, speech):
        evidence = random.normal(0, 1, (count, len(LABELS)))
        evidence[np.arange(count), truth] += strength
        sides.append(evidence - evidence.mean(axis=1, keepdims=True))
    shares = [np.ones(count) for _ in range(2)]
    poor = np.full(count, quality)
    return Moments(
        truth, np.arange(count), sides[0], poor, shares[0], sides[1], poor, shares[1], np.arange(count) % 3 > 0
    )


@pytest.mark.parametrize("missing", ["", "face", "speech"])
def test_the_recipe_pools_as_the_service_does(missing: str) -> None:
    found = made(2.0, 1.0, 35, quality=0.6)
    if missing:
        getattr(found, f"{missing}_share")[:] = 0.0
    at_once, settings = posterior(found, UNEVEN), schema.FusionConfig()
    for row in range(len(found)):
        face = Said("face", beyond_rest(tuple(found.face[row]), UNEVEN), 0.6, 0.0)
        speech = Said("speech", tuple(found.speech[row]), 0.6, 0.0)
        parts = [(said, weight_of(said, settings, UNEVEN)) for said in (face, speech) if said.modality != missing]
        one = fuse(parts, NONE, 5.0, 1, UNEVEN.apart if found.own[row] else 0.0)  # a room's voice adds up
        assert one is not None
        assert at_once[row] == pytest.approx(one.probabilities, abs=1e-9)


def test_a_side_that_knows_nothing_gets_little_weight() -> None:
    found = {"both": Condition.of(made(2.0, 0.0))}
    weights = fitted(found, UNEVEN)
    assert weights.speech < 0.25 * weights.face
    assert loss(found["both"], posterior(found["both"].moments, weights)) < loss(
        found["both"], posterior(found["both"].moments, UNEVEN)
    )


def test_every_label_counts_alike_however_often_it_comes() -> None:
    found = made(2.0, 0.0)
    often = found.where((found.truth != 1) | (np.arange(len(found)) < 21))
    condition = Condition.of(often)
    assert condition.weight[often.truth == 1].sum() == pytest.approx(1 / len(LABELS))
    always_happy = np.tile(np.eye(len(LABELS))[1], (len(often), 1))
    assert recall(condition, always_happy) == pytest.approx(1 / len(LABELS))


def test_the_worst_condition_decides() -> None:
    honest, misled = made(2.0, 2.0), made(2.0, 2.0, seed=1)
    misled.speech[:] = np.roll(misled.speech, 1, axis=1)  # this voice always says another thing
    trusting = fitted({"agree": Condition.of(honest)}, UNEVEN)
    careful = fitted({"agree": Condition.of(honest), "disagree": Condition.of(misled)}, UNEVEN)
    assert careful.speech < trusting.speech


def test_the_shipped_weights_are_usable_and_flatten_what_is_weak() -> None:
    weights = learned_weights(resources.models() / "fusion")
    assert min(weights.face_power, weights.speech_power) >= 0.5
    assert weights.rest_neutral > 0.0
    at_rest = Said("face", beyond_rest(NONE, weights), 1.0, 0.0)
    says = distribution([weight_of(at_rest, schema.FusionConfig(), weights) * value for value in at_rest.evidence])
    assert LABELS[says.index(max(says))] == "neutral"
