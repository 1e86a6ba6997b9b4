"""What counts as a voice, and where its segments begin and end."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.readings import SAMPLE_RATE, Samples
from edge.speech.hearing import STEP, stands_out
from edge.speech.level import Gain, NoiseFloor, level_db
from edge.speech.listening import PRE_ROLL, Listener, Piece, usable
from edge.speech.quality import quality
from edge.speech.segments import STEP_S, Segment, Turn, follow
from edge.speech.settings import SpeechSettings
from tests.speech.sounds import hum, noise, silence, talk


def heard(samples: Samples) -> list[Piece]:
    return list(Listener(SpeechSettings()).push(samples))


def voiced(samples: Samples) -> float:
    return float(np.mean([piece.turn is not Turn.QUIET for piece in heard(samples)]))


def test_a_voice_is_heard() -> None:
    pieces = heard(talk(3.0))
    turns = [piece.turn for piece in pieces]
    assert turns.count(Turn.BEGIN) >= 1
    onset = turns.index(Turn.BEGIN) * STEP_S
    assert 0.9 < onset < 1.4
    assert 0.5 < voiced(talk(3.0)) < 0.8


@pytest.mark.parametrize("decibels", [-20, -40, -55])
def test_a_quiet_voice_is_heard_as_well(decibels: int) -> None:
    sound = talk(3.0)
    factor = 10 ** ((decibels - level_db(sound)) / 20)
    assert voiced((factor * sound).astype(np.float32)) == pytest.approx(voiced(sound), abs=0.1)


@pytest.mark.parametrize(
    "sound",
    [silence(3), noise(3), noise(3, 0.5), noise(3, 1e-4), hum(3)],
    ids=["silence", "hiss", "loud", "faint", "hum"],
)
def test_what_is_no_voice_is_not(sound: Samples) -> None:
    assert voiced(sound) == 0.0


def test_the_detector_keeps_to_one_thread() -> None:
    """Four threads for a tenth of a millisecond of work spend their time waiting for each other."""
    counted = subprocess.run(
        [sys.executable, "-c", ASK_AND_COUNT], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert counted == ["0", "None"]


ASK_AND_COUNT = """
import os
import numpy as np
from edge.speech.hearing import STEP, Hearing
hearing = Hearing(3.0, None)
tasks = lambda: len(os.listdir("/proc/self/task"))
before = tasks()
for _ in range(20):
    hearing.judge((0.1 * np.random.default_rng(0).standard_normal(STEP)).astype(np.float32))
print(tasks() - before, os.environ.get("OMP_THREAD_LIMIT"))
"""


def test_the_pre_roll_belongs_to_the_segment_and_nothing_is_lost() -> None:
    sound = talk(2.0)
    pieces = heard(sound)
    first = next(number for number, piece in enumerate(pieces) if piece.turn is Turn.BEGIN)
    assert len(pieces[first].samples) == (PRE_ROLL + 1) * STEP
    begin = (first - PRE_ROLL) * STEP
    last = next(number for number, piece in enumerate(pieces) if piece.turn is Turn.END)
    joined = np.concatenate([piece.samples for piece in pieces[first : last + 1]])
    assert np.array_equal(joined, sound[begin : (last + 1) * STEP])


SHORT = SpeechSettings(max_segment_s=1.0, hangover_s=0.1)


def after(voices: list[float], chosen: SpeechSettings = SHORT) -> tuple[Segment, list[Turn]]:
    segment, turns = Segment(), []
    for probability in voices:
        segment, turn = follow(segment, probability, chosen)
        turns.append(turn)
    return segment, turns


def test_a_pause_ends_a_segment() -> None:
    segment, turns = after([0.1, 0.9, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert turns == [Turn.QUIET, Turn.BEGIN, *[Turn.GO_ON] * 4, Turn.END, Turn.QUIET]
    assert segment.number == 1
    assert segment.voiced == 2


def test_a_segment_is_bounded() -> None:
    _, turns = after([0.9] * 100)
    assert turns.index(Turn.END) * STEP_S <= 1.0
    assert turns.count(Turn.BEGIN) == 4


@given(st.lists(st.floats(0, 1)))
def test_segments_always_begin_before_they_go_on(voices: list[float]) -> None:
    segment, turns = after(voices)
    going = False
    for turn in turns:
        assert going == (turn in {Turn.GO_ON, Turn.END})
        going = turn in {Turn.BEGIN, Turn.GO_ON}
    assert segment.number == turns.count(Turn.BEGIN)
    assert segment.voiced <= segment.steps


@pytest.mark.parametrize(
    ("level", "floor", "known", "expected"),
    [(-90, -120, False, False), (-60, -60, False, True), (-60, -60, True, False), (-56, -60, True, True)],
)
def test_what_stands_out(level: float, floor: float, known: bool, expected: bool) -> None:
    assert stands_out(level, floor, known, 3.0) is expected


def test_the_floor_follows_the_room_and_forgets() -> None:
    floor = NoiseFloor()
    for _ in range(100):
        floor.follow(-60)
    assert floor.known
    assert floor.follow(-20) == -60
    for _ in range(300):
        risen = floor.follow(-40)
    assert risen == -40


def test_gain_brings_quiet_and_loud_to_one_level() -> None:
    for level in (-60.0, -40.0, -10.0):
        gain = Gain()
        assert level + 20 * np.log10(gain.follow(level)) == pytest.approx(-22, abs=0.1)
        assert level - 20 + 20 * np.log10(gain.follow(level - 20)) == pytest.approx(-42, abs=0.2)


def test_level_of_nothing() -> None:
    assert level_db(silence(0)) == level_db(silence(1)) == -120
    assert level_db(np.ones(10, np.float32)) == pytest.approx(0)


@given(st.floats(-20, 80), st.floats(0, 1), st.floats(0, 100))
def test_quality_is_a_share_and_grows(snr: float, share: float, seconds: float) -> None:
    assert 0 <= quality(snr, share, seconds) <= 1
    assert quality(snr + 1, share, seconds) >= quality(snr, share, seconds)
    assert quality(snr, share, seconds + 1) >= quality(snr, share, seconds)


def test_unusable_samples_are_made_usable_or_refused() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 3.0, 0.5], np.float32)
    assert usable(odd).tolist() == [0, 1, -1, 1, 0.5]
    assert usable(np.array([1, 0], np.int16)).dtype == np.float32
    with pytest.raises(ValueError, match="one row"):
        usable(np.zeros((2, SAMPLE_RATE), np.float32))
