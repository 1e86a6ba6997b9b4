from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import schema
from edge.emotion.fusion import freshness, fuse, learned_weights, pool
from edge.errors import ModelError
from edge.readings import LABELS, FaceReading, SpeechReading, circumplex
from tests.helpers.readings import WEIGHTS, distributions, face, sure_of, unit, voice

SETTINGS = schema.FusionConfig()


def test_agreement_makes_surer_than_either_alone() -> None:
    seen = fuse([face("happy", 0.0, p=0.6)], None, 0.0, SETTINGS, WEIGHTS)
    both = fuse([face("happy", 0.0, p=0.6)], voice("happy", 0.0, p=0.6), 0.0, SETTINGS, WEIGHTS)
    assert seen is not None
    assert both is not None
    assert both.confidence > seen.confidence
    assert set(both.parts) == {"face", "speech"}


def test_a_missing_modality_is_named_by_its_absence_and_blocks_nothing() -> None:
    reading = fuse([], voice("angry", 0.0), 0.0, SETTINGS, WEIGHTS)
    assert reading is not None
    assert set(reading.parts) == {"speech"}
    assert reading.parts["speech"].weight == 1.0
    assert reading.people == 0


def test_age_lowers_confidence_until_it_does_not_count() -> None:
    confidences = []
    for age in (0.0, 0.5, 1.0, 1.5, 1.9):
        reading = fuse([face("sad", 10.0)], None, 10.0 + age, SETTINGS, WEIGHTS)
        assert reading is not None
        confidences.append(reading.confidence)
    assert confidences == sorted(confidences, reverse=True)
    assert len(set(confidences)) == len(confidences)
    assert fuse([face("sad", 10.0)], None, 12.0, SETTINGS, WEIGHTS) is None


def test_a_blurred_face_is_not_a_confident_label() -> None:
    sharp = fuse([face("angry", 0.0, quality=1.0)], None, 0.0, SETTINGS, WEIGHTS)
    blurred = fuse([face("angry", 0.0, quality=0.1)], None, 0.0, SETTINGS, WEIGHTS)
    assert sharp is not None
    assert blurred is not None
    assert blurred.confidence < 0.25
    assert sharp.confidence > 0.8


def test_the_better_of_two_people_counts_more() -> None:
    reading = fuse(
        [face("happy", 0.0, track=1, quality=0.9), face("sad", 0.0, track=2, quality=0.1)],
        None, 0.0, SETTINGS, WEIGHTS,
    )  # fmt: skip
    assert reading is not None
    assert reading.people == 2
    assert LABELS[reading.probabilities.index(max(reading.probabilities))] == "happy"


def test_weights_of_the_config_win_over_learned_ones() -> None:
    faces, speech = [face("happy", 0.0)], voice("sad", 0.0)
    deaf = fuse(faces, speech, 0.0, schema.FusionConfig(speech_weight=0.0), WEIGHTS)
    assert deaf is not None
    assert set(deaf.parts) == {"face"}


def test_nothing_gives_nothing() -> None:
    assert fuse([], None, 0.0, SETTINGS, WEIGHTS) is None
    assert fuse([], voice(None, 0.0), 0.0, SETTINGS, WEIGHTS) is None
    assert fuse([face("happy", 0.0, quality=0.0)], None, 0.0, SETTINGS, WEIGHTS) is None


faces_strategy = st.lists(
    st.builds(
        FaceReading,
        time=st.floats(90.0, 100.0),
        track=st.integers(1, 1000),
        probabilities=distributions,
        quality=unit,
        size=st.just(80.0),
    ),
    max_size=5,
    unique_by=lambda f: f.track,
)
speech_strategy = st.none() | st.builds(
    SpeechReading, time=st.floats(90.0, 100.0), probabilities=distributions | st.none(), quality=unit
)


@given(faces=faces_strategy, speech=speech_strategy, order=st.randoms())
def test_always_a_distribution_and_never_an_order(
    faces: list[FaceReading], speech: SpeechReading | None, order: random.Random
) -> None:
    reading = fuse(faces, speech, 100.0, SETTINGS, WEIGHTS)
    shuffled = list(faces)
    order.shuffle(shuffled)
    assert fuse(shuffled, speech, 100.0, SETTINGS, WEIGHTS) == reading
    if reading is None:
        return
    assert math.isclose(sum(reading.probabilities), 1.0, abs_tol=1e-9)
    assert all(0.0 <= p <= 1.0 for p in reading.probabilities)
    assert math.isclose(sum(part.weight for part in reading.parts.values()), 1.0, abs_tol=1e-9)
    assert -1.0 <= reading.valence <= 1.0
    assert -1.0 <= reading.arousal <= 1.0


@given(p=distributions)
def test_one_part_at_full_weight_is_itself(p: tuple[float, ...]) -> None:
    assert pool([(p, 1.0)]) == pytest.approx(p, abs=1e-3)


@given(age=st.floats(-5.0, 100.0), limit=st.floats(0.1, 60.0))
def test_freshness_stays_within_bounds(age: float, limit: float) -> None:
    assert 0.0 <= freshness(age, limit) <= 1.0


def test_circumplex_of_pure_labels() -> None:
    valence, arousal = circumplex(sure_of("happy", 1.0))
    assert valence > 0.5
    assert arousal > 0.0
    assert circumplex(sure_of("sad", 1.0))[0] < 0.0


def test_weights_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ModelError, match=r"manifest\.json: no usable fusion weights"):
        learned_weights(tmp_path)
