from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import schema
from edge.emotion import describe
from edge.emotion.evidence import NEUTRAL, NONE, Evidence, distribution, evidence_of
from edge.emotion.expressiveness import prior_of
from edge.emotion.fusion import Said, beyond_rest, freshness, fuse, learned_weights, together, weight_of
from edge.errors import ModelError
from edge.readings import LABELS, Modality, Reading, circumplex
from tests.helpers.readings import WEIGHTS, distributions, sure_of, unit

SETTINGS = schema.FusionConfig()


def said(modality: Modality, label: str, p: float = 0.9, quality: float = 1.0, age: float = 0.0) -> tuple[Said, float]:
    part = Said(modality, evidence_of(sure_of(label, p)), quality, age)
    return part, weight_of(part, SETTINGS, WEIGHTS)


def fused(*parts: tuple[Said, float], prior: Evidence = NONE) -> Reading:
    reading = fuse(parts, prior, 10.0, 1)
    assert reading is not None
    return reading


def test_agreement_makes_surer_than_either_alone() -> None:
    seen = fused(said("face", "happy", 0.6))
    both = fused(said("face", "happy", 0.6), said("speech", "happy", 0.6))
    assert both.confidence > seen.confidence
    assert set(both.parts) == {"face", "speech"}


def test_a_missing_modality_is_named_by_its_absence_and_blocks_nothing() -> None:
    reading = fused(said("speech", "angry"))
    assert set(reading.parts) == {"speech"}
    assert reading.parts["speech"].weight == 1.0
    assert fuse([], NONE, 0.0, 0) is None


def test_age_lowers_confidence_until_it_does_not_count() -> None:
    confidences = [fused(said("face", "sad", age=age)).confidence for age in (0.0, 0.5, 1.0, 1.5, 1.9)]
    assert confidences == sorted(confidences, reverse=True)
    assert len(set(confidences)) == len(confidences)
    assert fuse([said("face", "sad", age=SETTINGS.face_max_age_s)], NONE, 10.0, 1) is None


def test_a_weak_part_flattens_the_result() -> None:
    assert fused(said("face", "angry")).confidence > 0.8
    assert fused(said("face", "angry", quality=0.05)).confidence < 0.25


def test_the_shipped_weights_let_a_face_that_is_hardly_seen_say_hardly_anything() -> None:
    part = Said("face", beyond_rest(evidence_of(sure_of("happy", 0.98)), learned_weights()), 0.05, 0.0)
    reading = fuse([(part, weight_of(part, SETTINGS, learned_weights()))], NONE, 0.0, 1)
    assert reading is not None
    assert reading.probabilities[LABELS.index("happy")] < 0.35


def test_the_prior_counts_once_however_many_parts_there_are() -> None:
    prior = prior_of(schema.DecisionConfig(expressiveness=0.2))
    even = Said("face", NONE, 1.0, 0.0)
    one, two = fused((even, 1.0), prior=prior), fused((even, 1.0), (even, 1.0), prior=prior)
    assert one.probabilities == pytest.approx(distribution(prior))
    assert two.probabilities == pytest.approx(one.probabilities)


def test_every_hint_is_found_at_one_end_of_the_dial_and_only_what_is_clear_at_the_other() -> None:
    hint = said("face", "sad", 0.45)
    found = [
        fused(hint, prior=prior_of(schema.DecisionConfig(expressiveness=dial))).probabilities[LABELS.index("sad")]
        for dial in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert found == sorted(found)
    assert found[0] < 0.3
    assert found[-1] > 0.45


parts = st.lists(
    st.tuples(st.sampled_from(["face", "speech"]), distributions, unit, st.floats(0.0, 5.0)), min_size=1, max_size=4
)


@given(parts, st.randoms())
def test_a_distribution_comes_out_whatever_the_order(
    given_parts: list[tuple[Modality, tuple[float, ...], float, float]], shuffle: random.Random
) -> None:
    weighted = [
        (part, weight_of(part, SETTINGS, WEIGHTS))
        for modality, p, quality, age in given_parts
        if (part := Said(modality, evidence_of(p), quality, age))
    ]
    reading = fuse(weighted, NONE, 10.0, 1)
    shuffle.shuffle(weighted)
    again = fuse(weighted, NONE, 10.0, 1)
    assert (reading is None) == (again is None) == all(weight <= 0.0 for _, weight in weighted)
    if reading is not None and again is not None:
        assert sum(reading.probabilities) == pytest.approx(1.0)
        assert again.probabilities == pytest.approx(reading.probabilities, abs=1e-9)
        assert (reading.valence, reading.arousal) == pytest.approx(circumplex(reading.probabilities))
        assert not math.isnan(reading.confidence)


weights = st.floats(0.05, 3.0)
shares = st.floats(0.0, 1.0)
two_parts = st.tuples(distributions, weights, distributions, weights, shares)


def said_together(given_parts: tuple[tuple[float, ...], float, tuple[float, ...], float, float]) -> Evidence:
    face, face_weight, voice, voice_weight, apart = given_parts
    return together([(evidence_of(face), face_weight), (evidence_of(voice), voice_weight)], apart)


def test_a_face_at_rest_hardly_speaks_against_what_is_plainly_heard() -> None:
    seen, heard = ((evidence_of(sure_of(label, 0.9)), 1.0) for label in ("neutral", "angry"))
    adding_up, either = (distribution(together([seen, heard], apart)) for apart in (0.0, 0.5))
    angry = LABELS.index("angry")
    assert adding_up[angry] == pytest.approx(adding_up[NEUTRAL])
    assert either[angry] > 0.7 > 3 * either[NEUTRAL]


def test_of_two_feelings_the_surer_or_fresher_one_wins_and_a_tie_is_uncertain() -> None:
    def alike(part: Said) -> tuple[Said, float]:
        return part, freshness(part.age, 2.0)

    def read(face: float, voice: float, age: float = 0.0) -> Reading:
        parts = [
            alike(Said("face", evidence_of(sure_of("happy", face)), 1.0, age)),
            alike(Said("speech", evidence_of(sure_of("sad", voice)), 1.0, 0.0)),
        ]
        reading = fuse(parts, NONE, 10.0, 1, 0.5)
        assert reading is not None
        return reading

    tie = read(0.8, 0.8)
    assert tie.probabilities[LABELS.index("happy")] == pytest.approx(tie.probabilities[LABELS.index("sad")])
    assert describe.uncertainty(tie, None) == "face and voice disagree"
    assert describe.top(read(0.8, 0.5).probabilities) == "happy"
    assert describe.top(read(0.8, 0.8, age=1.5).probabilities) == "sad"


@given(two_parts)
def test_face_and_voice_count_alike_in_either_order(
    given_parts: tuple[tuple[float, ...], float, tuple[float, ...], float, float],
) -> None:
    face, face_weight, voice, voice_weight, apart = given_parts
    assert said_together((voice, voice_weight, face, face_weight, apart)) == pytest.approx(said_together(given_parts))


@given(two_parts)
def test_together_lies_between_adding_up_and_the_louder_of_the_two(
    given_parts: tuple[tuple[float, ...], float, tuple[float, ...], float, float],
) -> None:
    face, face_weight, voice, voice_weight, _ = given_parts
    whole = said_together(given_parts)
    seen, heard = together([(evidence_of(face), face_weight)], 0.0), together([(evidence_of(voice), voice_weight)], 0.0)
    assert whole[NEUTRAL] == 0.0
    for value, a, b in zip(whole, seen, heard, strict=True):
        assert min(a, b, a + b) - 1e-9 <= value <= max(a, b, a + b) + 1e-9


@given(two_parts, st.integers(1, 6), st.floats(0.1, 3.0))
def test_more_evidence_for_a_feeling_never_makes_it_less_likely(
    given_parts: tuple[tuple[float, ...], float, tuple[float, ...], float, float], label: int, more: float
) -> None:
    face, face_weight, voice, voice_weight, apart = given_parts
    before = distribution(said_together(given_parts))
    raised = tuple(value + more * (i == label) for i, value in enumerate(evidence_of(face)))
    after = distribution(together([(raised, face_weight), (evidence_of(voice), voice_weight)], apart))
    assert after[label] >= before[label] - 1e-9
    calmer = tuple(value + more * (i == NEUTRAL) for i, value in enumerate(evidence_of(face)))
    after = distribution(together([(calmer, face_weight), (evidence_of(voice), voice_weight)], apart))
    assert after[NEUTRAL] >= before[NEUTRAL] - 1e-9


@given(two_parts)
def test_neutral_stays_when_both_say_so(
    given_parts: tuple[tuple[float, ...], float, tuple[float, ...], float, float],
) -> None:
    face, _, voice, _, _ = given_parts
    if face[NEUTRAL] >= max(face) and voice[NEUTRAL] >= max(voice):
        whole = said_together(given_parts)
        assert max(whole) == whole[NEUTRAL]


@given(distributions, weights, distributions, shares)
def test_a_part_that_fades_away_leaves_what_the_other_says(
    face: tuple[float, ...], weight: float, voice: tuple[float, ...], apart: float
) -> None:
    alone = distribution(together([(evidence_of(face), weight)], apart))
    faded = distribution(together([(evidence_of(face), weight), (evidence_of(voice), 1e-9)], apart))
    assert faded == pytest.approx(alone, abs=1e-6)


@given(st.floats(0.0, 10.0), st.floats(0.1, 10.0))
def test_freshness_falls_from_one_to_nothing(age: float, most: float) -> None:
    assert freshness(0.0, most) == 1.0
    assert freshness(age + 0.1, most) <= freshness(age, most) <= 1.0
    assert freshness(most, most) == 0.0


def test_unusable_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="reinstall"):
        learned_weights(tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "fusion", "version": "1", "face": -1, "speech": 1}')
    with pytest.raises(ModelError, match=r"manifest\.json"):
        learned_weights(tmp_path)
