"""The papers' networks on tiny data: they learn, and each gives both splits. Runs where PyTorch is installed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")
pytest.importorskip("soundfile")

from edge.readings import SAMPLE_RATE  # noqa: E402
from models.papers import audio_and_video, face_and_voice, heads, report, tess  # noqa: E402
from models.papers.cleaning import copies, normalised, without_noise  # noqa: E402
from models.papers.features import frames_of, mfcc  # noqa: E402
from models.papers.fit import Outcome, Vary, standardised, trained  # noqa: E402
from models.papers.landmarks import shape  # noqa: E402
from models.papers.machine import machine  # noqa: E402
from models.papers.networks import Convolutional, Faces, Lstm  # noqa: E402
from models.papers.pictures import Pixels, cleaned, convolutional, inputs, mirrored_and_moved  # noqa: E402
from models.papers.section import OWN_PARTS, PEOPLE, RANDOM, WORDS, Asked, Section, keep, kept  # noqa: E402
from models.papers.splits import at_random  # noqa: E402
from models.papers.voices import Voices, on_each, two  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """So that tests beside each other do not wait for each other."""
    torch.set_num_threads(1)


def test_features_have_their_shapes() -> None:
    sound = np.sin(2 * math.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    assert mfcc(sound).shape == (len(frames_of(sound)), 40)
    assert np.isfinite(mfcc(np.zeros(10, np.float32))).all()


def test_the_figures_are_what_they_are_by_hand() -> None:
    figures = Outcome(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 3).figures()
    assert figures["accuracy"] == 0.75
    assert figures["recall"] == pytest.approx((0.5 + 1) / 2)  # the third class does not occur
    assert figures["precision"] == pytest.approx((1 + 2 / 3) / 2)


def voices(count: int = 120) -> Voices:
    """Numbers of which the label is plain."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 7, count)
    values = draw.normal(0, 0.3, (count, 40)).astype(np.float32)
    values[np.arange(count), truth] += 4
    people = [f"p{number % 6}" for number in range(count)]
    return Voices(values, truth, people, [f"w{number % 5}" for number in range(count)])


def faces() -> Pixels:
    """Noise; of each label some on either side."""
    draw = np.random.default_rng(0)
    truth = np.concatenate((np.arange(28) % 7, np.arange(14) % 7))
    values = draw.uniform(-1, 1, (42, 48, 48)).astype(np.float32)
    return Pixels(values, truth, (np.arange(28), np.arange(28, 42)))


@pytest.mark.parametrize("make", [Lstm, lambda classes: Convolutional(40, classes)])
def test_a_few_steps_teach(make: type[Lstm]) -> None:
    torch.manual_seed(0)
    some_voices = voices()
    split = at_random(120)
    found = trained(make(7), standardised(some_voices.values, split[0]), some_voices.truth, split, epochs=8, batch=8)
    assert len(found.curve) == 8
    assert found.curve[-1][0] > found.curve[0][0]
    assert found.counts.sum() == 24


def test_an_interrupted_fit_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    some_faces, path = faces(), tmp_path / "net.epochs"

    def fitted(epochs: int, vary: Vary = mirrored_and_moved) -> Outcome:
        torch.manual_seed(0)
        given = (some_faces.values, some_faces.truth, some_faces.split)
        return trained(Faces(7), *given, epochs=epochs, batch=7, vary=vary, path=path)

    def cut_short(pictures: Any) -> Any:
        if path.is_file() and len(torch.load(path)["curve"]) == 2:
            raise KeyboardInterrupt
        return mirrored_and_moved(pictures)

    whole = fitted(4)
    assert not path.is_file()  # the last epoch is done
    with pytest.raises(KeyboardInterrupt):
        fitted(4, cut_short)
    rest = fitted(4)
    assert rest.curve == whole.curve
    assert (rest.guess == whole.guess).all()


def test_every_speaker_is_held_out_once() -> None:
    found = tess.outcomes(voices(), 1)
    assert set(found) == {RANDOM, PEOPLE, WORDS}
    assert len(found[PEOPLE].truth) == 120
    assert len(found[WORDS].truth) == 24


def test_copies_are_learned_from_and_never_judged_by() -> None:
    plain = voices()
    copied = Voices(plain.values, plain.truth, plain.people, plain.words, np.stack([plain.values, plain.values]))
    split = two(plain)[PEOPLE]
    found = on_each(copied, {PEOPLE: split}, 1, lambda classes: Convolutional(40, classes))[PEOPLE]
    assert len(found.truth) == len(split[1])
    assert not {plain.people[row] for row in split[0]} & {plain.people[row] for row in split[1]}


def test_noise_is_taken_off_and_the_voice_stays() -> None:
    draw = np.random.default_rng(0)
    voice = np.sin(2 * math.pi * 300 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE) * (np.arange(2 * SAMPLE_RATE) > 8000)
    noisy = (voice + draw.normal(0, 0.05, len(voice))).astype(np.float32)
    less = without_noise(noisy)
    assert len(less) == len(noisy)
    assert np.abs(less[1000:7000]).mean() < 0.55 * np.abs(noisy[1000:7000]).mean()
    assert np.corrcoef(less[10000:-1000], voice[10000:-1000])[0, 1] > 0.98
    assert np.abs(normalised(0.1 * noisy)).max() == pytest.approx(1.0)
    assert len({len(one) for one in copies(noisy, draw)}) == 2  # at different speeds


def test_faces_are_mirrored_and_moved_and_stay_faces() -> None:
    torch.manual_seed(0)
    picture = torch.arange(48.0).repeat(48, 1)
    varied = mirrored_and_moved(picture.repeat(32, 1, 1))
    assert varied.shape == (32, 48, 48)
    mirrored = (varied[:, 0, 0] > varied[:, 0, -1]).float().mean()
    assert 0.2 < float(mirrored) < 0.8
    assert len({float(one[24, 24]) for one in varied}) > 5
    assert cleaned(np.full((48, 48), 9, np.uint8)).shape == (48, 48)


def test_fusion_gives_every_kind_by_both_splits() -> None:
    found = face_and_voice.fused(voices(60), faces(), Faces(7), 1)
    kinds = ("voice alone", "features joined", "decisions averaged")
    assert set(found) == {f"{kind}, {split}" for kind in kinds for split in (RANDOM, PEOPLE)}


def test_heads_read_what_convolutions_and_landmarks_gave(tmp_path: Path) -> None:
    asked, some_faces = Asked(tmp_path, tmp_path / "work", epochs=1), faces()
    points = np.random.default_rng(0).normal(size=(42, 936)).astype(np.float32)
    net, first = convolutional(some_faces, asked, "separable-points", separable=True, points=points)
    again, second = convolutional(some_faces, asked, "separable-points", separable=True, points=points)
    assert (first.guess == second.guess).all()  # kept, not learned anew
    rows = torch.from_numpy(inputs(some_faces, points))
    assert torch.equal(net.eval()(rows), again.eval()(rows))
    assert not torch.equal(net(rows), net(torch.cat((rows[:, : 48 * 48], 0 * rows[:, 48 * 48 :]), dim=1)))
    found = heads.heads(some_faces, points, net, 1)
    assert all(one.counts.sum() == 14 for one in found.values())


def test_landmarks_know_no_place_and_no_size() -> None:
    points = np.random.default_rng(0).normal(size=(468, 2)).astype(np.float32)
    assert np.allclose(shape(points), shape(3 * points + 7), atol=1e-5)


def test_sequences_change_from_one_face_to_the_other() -> None:
    calm, feeling = np.full((48, 48), 60, np.uint8), np.full((48, 48), 180, np.uint8)
    frames = audio_and_video.sequence(calm, feeling, np.random.default_rng(0)) * 255
    assert abs(frames[0].mean() - 60) < 2
    assert abs(frames[-1].mean() - 180) < 2


def test_sound_video_and_both_are_analysed_by_both_splits() -> None:
    found = audio_and_video.outcomes(voices(84), faces(), 1)
    kinds = ("audio", "video (composed)", "both (composed)")
    assert set(found) == {f"{kind}, {split}" for kind in kinds for split in (RANDOM, PEOPLE)}


def test_the_network_is_of_the_papers_size() -> None:
    assert 150_000 < sum(part.numel() for part in audio_and_video.network(classes=8).parameters()) < 154_000


def test_a_machine_parts_what_a_line_parts() -> None:
    plain = voices()
    found = machine(plain.values, plain.truth, at_random(120), 7)
    assert found.figures()["accuracy"] > 0.9


def test_what_was_measured_is_kept_and_written(tmp_path: Path) -> None:
    one = Outcome(np.array([0, 1, 1]), np.array([0, 1, 0]), 7, [(0.5, 0.25)])
    name = f"dense, {OWN_PARTS}"
    section = Section("a", "A system", "0.9", "As told.", {RANDOM: one, PEOPLE: one, name: one}, "fer")
    work = tmp_path / "work"
    assert kept("a", work) is None
    keep(section, Asked(tmp_path, work, epochs=9, faces=9))
    keep(replace(section, title="Shorter"), Asked(tmp_path, work, epochs=2, faces=900))
    found = kept("a", work)
    assert found is not None
    assert found.outcomes[PEOPLE].figures() == one.figures()
    assert found.outcomes[PEOPLE].curve == one.curve
    assert (found.epochs, found.faces) == (9, 9)
    text = report.written([found], {"a": 0.621}, tmp_path / "pictures")
    assert "1 of the 1 systems below had fewer epochs" in text
    assert "fewer epochs" not in report.written([replace(found, epochs=50)], {}, tmp_path / "pictures")
    assert "| A system | 0.9 | 0.667 | 0.667 | 0.621 |" in text
    assert "| A system, dense | 0.9 | - | 0.667 | 0.621 |" in text
    assert (tmp_path / "pictures" / "a.png").is_file()
