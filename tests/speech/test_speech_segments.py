"""What counts as a voice, and where its segments begin and end."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.readings import SAMPLE_RATE, Samples
from edge.speech.quality import quality
from edge.speech.segments import PRE_ROLL, STEP_S, Phase, Segment, Segmenter, SegmentStep, follow, usable
from edge.speech.settings import SpeechSettings
from edge.speech.voice_detector import STEP, Gain, NoiseFloor, ScreamDetector, level_db, stands_out
from tests.speech.sounds import hum, noise, silence, talk, voice


def heard(samples: Samples) -> list[SegmentStep]:
    return list(Segmenter(SpeechSettings()).push(samples))


def voiced(samples: Samples) -> float:
    return float(np.mean([step.phase is not Phase.QUIET for step in heard(samples)]))


def test_a_voice_is_heard() -> None:
    steps = heard(talk(3.0))
    phases = [step.phase for step in steps]
    assert phases.count(Phase.BEGIN) >= 1
    onset = phases.index(Phase.BEGIN) * STEP_S
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
from edge.speech.voice_detector import STEP, VoiceDetector
detector = VoiceDetector(3.0, None)
tasks = lambda: len(os.listdir("/proc/self/task"))
before = tasks()
for _ in range(20):
    detector.detect((0.1 * np.random.default_rng(0).standard_normal(STEP)).astype(np.float32))
print(tasks() - before, os.environ.get("OMP_THREAD_LIMIT"))
"""


def judged_as_scream(sound: Samples, refused: float = 0.1) -> int:
    """How many steps; the detector says `refused` to each of them, the room is silent."""
    scream = ScreamDetector()
    steps = sound[: len(sound) // STEP * STEP].reshape(-1, STEP)
    return sum(scream.detect(step, level_db(step), -90.0, refused) for step in steps)


def shrieked(seconds: float) -> Samples:
    """High syllables with hissing consonants in between."""
    parts = []
    for number in range(int(seconds / 0.3)):
        parts += [
            voice(520 + 40 * (number % 3), 0.16, 0.02, number),
            0.5 * np.diff(noise(0.06, 0.2, number), prepend=0),
            silence(0.08),
        ]
    return np.asarray(np.concatenate(parts), np.float32)


def test_a_scream_is_a_voice_though_the_detector_refuses_it() -> None:
    assert judged_as_scream(shrieked(3.0)) > 20
    assert judged_as_scream(shrieked(3.0), refused=0.9) == 0  # nothing to add to what the detector says


@pytest.mark.parametrize(
    "sound",
    [voice(150, 3.0), hum(3.0, 500.0), noise(3.0, 0.3), silence(3.0)],
    ids=["talk", "whistle", "hiss", "silence"],
)
def test_what_is_no_scream_is_not(sound: Samples) -> None:
    assert judged_as_scream(sound) == 0


def test_the_pre_roll_belongs_to_the_segment_and_nothing_is_lost() -> None:
    sound = talk(2.0)
    steps = heard(sound)
    first = next(number for number, step in enumerate(steps) if step.phase is Phase.BEGIN)
    assert len(steps[first].samples) == (PRE_ROLL + 1) * STEP
    begin = (first - PRE_ROLL) * STEP
    last = next(number for number, step in enumerate(steps) if step.phase is Phase.END)
    joined = np.concatenate([step.samples for step in steps[first : last + 1]])
    assert np.array_equal(joined, sound[begin : (last + 1) * STEP])


SHORT = SpeechSettings(max_segment_s=1.0, hangover_s=0.1)


def after(voices: list[float], chosen: SpeechSettings = SHORT) -> tuple[Segment, list[Phase]]:
    segment, phases = Segment(), []
    for probability in voices:
        segment, phase = follow(segment, probability, chosen)
        phases.append(phase)
    return segment, phases


def test_a_pause_ends_a_segment() -> None:
    segment, phases = after([0.1, 0.9, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert phases == [Phase.QUIET, Phase.BEGIN, *[Phase.CONTINUE] * 4, Phase.END, Phase.QUIET]
    assert segment.number == 1
    assert segment.voiced == 2


def test_a_segment_is_bounded() -> None:
    _, phases = after([0.9] * 100)
    assert phases.index(Phase.END) * STEP_S <= 1.0
    assert phases.count(Phase.BEGIN) == 4


@given(st.lists(st.floats(0, 1)))
def test_segments_always_begin_before_they_go_on(voices: list[float]) -> None:
    segment, phases = after(voices)
    going = False
    for phase in phases:
        assert going == (phase in {Phase.CONTINUE, Phase.END})
        going = phase in {Phase.BEGIN, Phase.CONTINUE}
    assert segment.number == phases.count(Phase.BEGIN)
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
