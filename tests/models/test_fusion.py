from __future__ import annotations

import numpy as np
import pytest

from edge.fusion import learned_weights, pool
from edge.readings import LABELS
from models.fusion.pairs import Pairs, Side, pair
from models.fusion.rules import best_weights, log_pool, loss


def side(strength: float, count: int = 700, seed: int = 0) -> Side:
    """A model that is right in proportion to `strength`, and says honestly how sure it is."""
    random = np.random.default_rng(seed)
    truth = np.arange(count) % len(LABELS)
    logits = random.normal(0, 1, (count, len(LABELS)))
    logits[np.arange(count), truth] += strength
    powers = np.exp(logits * strength)
    return Side(truth, powers / powers.sum(axis=1, keepdims=True))


def test_the_recipe_pools_as_the_service_does() -> None:
    pairs = pair(side(2.0), side(1.0, seed=1), 70, 0)
    at_once = log_pool(pairs, 0.85, 1.1)
    for row in range(len(pairs.truth)):
        one = pool([(tuple(pairs.face[row]), 0.85), (tuple(pairs.speech[row]), 1.1)])
        assert at_once[row] == pytest.approx(one, abs=1e-9)


def test_pairs_share_their_label_and_every_label_comes_as_often() -> None:
    face, speech = side(2.0), side(1.0, seed=1)
    pairs = pair(face, speech, 700, 3)
    assert np.bincount(pairs.truth).tolist() == [100] * 7
    for row in range(0, 700, 50):
        chosen = np.flatnonzero((face.probabilities == pairs.face[row]).all(axis=1))
        assert face.truth[chosen[0]] == pairs.truth[row]


def test_noise_gets_no_weight_and_fusing_beats_either_alone() -> None:
    good, random = side(2.0), np.random.default_rng(0)
    noise = Side(good.truth, random.dirichlet(np.ones(7), len(good.truth)))
    face, speech = best_weights(pair(good, noise, 1400, 0))
    assert speech <= 0.1 < face
    pairs = pair(side(2.0), side(1.5, seed=1), 1400, 0)
    fused = log_pool(pairs, *best_weights(pairs))
    assert loss(pairs.truth, fused) < min(loss(pairs.truth, pairs.face), loss(pairs.truth, pairs.speech))


def test_the_shipped_weights_are_used_and_measured() -> None:
    weights = learned_weights()
    assert 0.0 < weights.face <= 2.0
    assert 0.0 < weights.speech <= 2.0
    assert isinstance(weights.metrics["accuracy"], float)
    one = Pairs(np.array([0]), np.full((1, 7), 1 / 7), np.full((1, 7), 1 / 7))
    assert log_pool(one, weights.face, weights.speech)[0] == pytest.approx(np.full(7, 1 / 7))
