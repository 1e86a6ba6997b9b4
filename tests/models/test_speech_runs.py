"""What is extracted and kept on the way to the speech model. Runs where PyTorch is installed."""

import argparse
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge.inference import Floats

torch = pytest.importorskip("torch")
soundfile = pytest.importorskip("soundfile")

from edge.readings import LABELS, SAMPLE_RATE, Samples  # noqa: E402
from edge.speech.classifier import CLASSES  # noqa: E402
from edge.speech.features import CONTEXT, FEATURES  # noqa: E402
from edge.speech.frames import CHUNK  # noqa: E402
from edge.speech.spectrum import BANDS, MELS  # noqa: E402
from models.speech import parity  # noqa: E402
from models.speech.augment import at_speed  # noqa: E402
from models.speech.cache import SPEEDS, Copy, Extraction, taught, version  # noqa: E402
from models.speech.corpora import FOLDS, PLAIN, TALK, UNTOLD, Clip, find_clips  # noqa: E402
from models.speech.dataset import Task  # noqa: E402
from models.speech.expected import expected, typical  # noqa: E402
from models.speech.fit import Fitting, fitted  # noqa: E402
from models.speech.head import Answer  # noqa: E402
from models.speech.hints import hints_for  # noqa: E402
from models.speech.network import STEM, Network  # noqa: E402
from models.speech.recipe import FRAMES, Recipe  # noqa: E402
from models.speech.recordings import read_clip  # noqa: E402
from models.speech.run import Lesson, Run  # noqa: E402
from models.speech.shelf import Front, Inputs, Shelf  # noqa: E402
from models.speech.train import _changed, _corpora, _held_back  # noqa: E402
from models.speech.whisper import Convolutions, Encoder  # noqa: E402

SAME = np.zeros(MELS - 1, np.float32)
FLAT = Front(SAME, np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))


def extraction_of(folder: Path) -> Extraction:
    """Three synthetic clips, of two segments each."""
    (folder / "emovo").mkdir()
    for number in range(3):
        sound = parity.voice(120 + 40 * number, 2.0, seed=number)
        soundfile.write(str(folder / "emovo" / f"tri-f{number + 1}-b1.wav"), sound, SAMPLE_RATE)
    clips = find_clips(folder)
    spans = {clip.key: [(1000 * (n + 1), 14000), (16000, 30000)] for n, clip in enumerate(clips)}
    hiss = np.random.default_rng(0).normal(0, 0.05, SAMPLE_RATE).astype(np.float32)
    return Extraction(clips, spans, [hiss], SAME)


class Meter(Encoder):
    """A teacher that says how loud each unit is."""

    def __init__(self) -> None:
        pass

    def __call__(self, sounds: list[Samples]) -> list[list[Floats]]:
        levels = (np.abs(sound[: len(sound) // 320 * 320].reshape(-1, 320)).mean(axis=1) for sound in sounds)
        return [[block * level[:, None] for block in range(4)] for level in levels]


def unasked() -> Encoder:
    raise AssertionError("the copy was there")


def test_copies_do_not_depend_on_how_many_processes_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.speech.cache._SHELF", 1)
    extraction = extraction_of(tmp_path)
    one, two = (extraction.copy(1, tmp_path / f"by{count}", Meter, count) for count in (1, 2))
    again = extraction.copy(1, tmp_path / "by2", unasked, 1)
    assert one.rows[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    for name in Copy.__annotations__:
        assert np.array_equal(getattr(one, name), getattr(two, name))
        assert np.array_equal(getattr(two, name), getattr(again, name))
    frames = int(one.rows[:, 2].sum())
    assert one.frames.shape == (frames, FEATURES)
    assert one.bands.shape == (frames // CHUNK, CONTEXT + CHUNK, BANDS)
    assert one.states.shape == (frames // FRAMES, 3)


def test_the_teacher_hears_a_copy_before_room_and_noise_and_cut_at_the_same_places(tmp_path: Path) -> None:
    extraction = extraction_of(tmp_path)
    for number in (0, 1, 2):
        found = extraction.copy(number, tmp_path / str(number), Meter, 1)
        segments = []
        for n, clip in enumerate(extraction.clips):
            one = version(read_clip(clip.path), clip, extraction.spans[clip.key], number, extraction.noises)
            segments += [(one.plain[first:last], one.heard[first:last]) for first, last in one.spans]
            assert all(map(np.array_equal, extraction.heard(n, number), (heard for _, heard in segments[-2:])))
        for row, (plain, heard) in zip(found.rows, segments, strict=True):
            mine = found.states[row[1] // FRAMES : (row[1] + row[2]) // FRAMES]
            expected, other = (taught(Meter(), [(sound, int(row[2]))])[0] for sound in (plain, heard))
            assert np.array_equal(mine, expected)
            assert np.array_equal(mine, other) == (number == 0)


def test_a_copy_is_a_voice_of_its_own_and_copy_0_is_as_recorded(tmp_path: Path) -> None:
    extraction = extraction_of(tmp_path)
    speeds = set()
    for clip in extraction.clips:
        samples, spans = read_clip(clip.path), extraction.spans[clip.key]
        recorded = version(samples, clip, spans, 0, extraction.noises)
        assert np.array_equal(recorded.plain, samples)
        assert np.array_equal(recorded.heard, samples)
        assert recorded.spans == spans
        spans = [*spans, (0, len(samples))]  # one that cannot be moved outwards
        for copy in range(1, 6):
            one, again = (version(samples, clip, spans, copy, extraction.noises) for _ in range(2))
            assert np.array_equal(one.heard, again.heard)
            assert len(one.plain) == len(one.heard)
            assert not np.allclose(one.plain, one.heard)
            (speed,) = (speed for speed in SPEEDS if np.array_equal(at_speed(samples, speed), one.plain))
            speeds.add(speed)
            for (first, last), (begin, end) in zip(one.spans, spans, strict=True):
                assert 0 <= first < last <= len(one.heard)
                assert (first, last) == pytest.approx((begin / speed, end / speed), abs=1100)
    assert len(speeds) > 2


def small_task(recipe: Recipe) -> Task:
    draw = np.random.default_rng(1)
    lengths = np.full(12, 5 * CHUNK)
    rows = np.stack((np.arange(12), np.cumsum(lengths) - lengths, lengths), axis=1)
    frames = draw.normal(0, 1, (lengths.sum(), FEATURES)).astype(np.float16)
    bands = draw.normal(0, 1, (lengths.sum() // CHUNK, CONTEXT + CHUNK, BANDS)).astype(np.float16)
    states = draw.normal(0, 1, (lengths.sum() // FRAMES, 6)).astype(np.float16)
    copies = [Copy(rows, frames, bands, states)] * 2
    labels = [CLASSES[n % 4] for n in range(12)]
    clips = [Clip(Path(str(n)), "ravdess", f"ravdess-{n % 3 + 2:02}", label) for n, label in enumerate(labels)]
    hints = hints_for(copies, {n: clip.speaker for n, clip in enumerate(clips)}, {}, recipe)
    judged = np.full((12, len(CLASSES)), 1 / 8)
    return Task(Inputs(Shelf.of(copies), SAME, FLAT), clips, ("ravdess",), judged, hints, recipe)


def small_stem() -> Convolutions:
    """In half precision, as it is kept."""
    draw = np.random.default_rng(2)
    shapes = (STEM, BANDS, 3), (STEM,), (STEM, STEM, 3), (STEM,)
    return Convolutions(*(draw.normal(0, 0.05, shape).astype(np.float16).astype(np.float32) for shape in shapes))


def test_training_goes_on_where_it_was_and_keeps_what_it_gives(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=10, branches=2, branch_epochs=5, batch=4)
    task, chosen = small_task(recipe), list(range(12))

    def fitted_until(folder: Path, last: int | None) -> Network:
        def report(epoch: int, answers: float, hints: float) -> None:
            if epoch == last:
                raise KeyboardInterrupt
            seen.append(epoch)

        return Fitting(task, small_stem(), chosen, 0, folder, report).network()

    seen: list[int] = []
    folders = [tmp_path / name for name in ("whole", "broken")]
    first = fitted_until(folders[0], None)
    assert seen == list(range(1, 21))
    for last, again in ((7, 1), (13, 6)):  # once in the long training, once in a branch
        seen.clear()
        with pytest.raises(KeyboardInterrupt):
            fitted_until(folders[1], last)
        assert seen == list(range(again, last))
        assert fitted(recipe, folders[1]) is None
    seen.clear()
    second = fitted_until(folders[1], None)
    assert seen == list(range(11, 21))
    kept = fitted(recipe, folders[0])
    assert kept is not None
    for one, other, same in zip(first.parameters(), second.parameters(), kept.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-3)
        assert torch.equal(one, same)


def test_what_counts_is_the_mean_of_the_training_and_its_branches(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=2, branches=2, branch_epochs=2, batch=4)
    Fitting(small_task(recipe), small_stem(), list(range(12)), 0, tmp_path, lambda *_: None).network()
    parts = [torch.load(tmp_path / name / "network.pt", weights_only=True) for name in ("first", "branch0", "branch1")]
    mean = torch.load(tmp_path / "network.pt", weights_only=True)
    for name in ("lstm.bias_hh_l0", "own_bias", "stem.first.bias"):
        every = torch.stack([part[name] for part in parts])
        assert not torch.equal(every[1], every[2])  # they drew other batches
        assert torch.allclose(mean[name], every.mean(dim=0), atol=1e-6)


def test_the_stem_learns_on_as_fast_as_the_recipe_says(tmp_path: Path) -> None:
    began, away = small_stem(), []
    for rate in (0.0, 0.1, 1.0):
        recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=2, branches=1, branch_epochs=1, stem_rate=rate)
        folder = tmp_path / str(rate)
        net = Fitting(small_task(recipe), began, list(range(12)), 0, folder, lambda *_: None).network()
        away.append([float(np.abs(one - other).max()) for one, other in zip(net.stem.arrays(), began, strict=True)])
    assert not any(away[0])
    for slow, fast in zip(away[1], away[2], strict=True):
        assert 0 < slow < fast


def test_what_a_checkpoint_knows_of_the_stem_is_in_the_order_of_its_parts(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=6, branches=0)
    task, began = small_task(recipe), Network(1, recipe, 3, 4)

    def report(epoch: int, answers: float, hints: float) -> None:
        if epoch == 5:
            raise KeyboardInterrupt

    for seed in range(4):
        folder = tmp_path / str(seed)
        with pytest.raises(KeyboardInterrupt):
            Fitting(task, small_stem(), list(range(12)), seed, folder, report).network()
        kept = torch.load(folder / "first" / "checkpoint.pt", weights_only=True)["optimizer"]
        shapes = [kept["state"][number]["exp_avg"].shape for number in kept["param_groups"][1]["params"]]
        assert shapes == [part.shape for part in began.stem.parameters()]


def test_plain_speech_teaches_what_the_teacher_has_in_mind_and_no_answer(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=2, branches=0, plain_share=1, weight_decay=0)
    task = small_task(recipe)
    clips = [replace(clip, corpus=PLAIN, emotion=UNTOLD) for clip in task.clips]
    untold = replace(task, clips=clips, corpora=(PLAIN,))
    began = Fitting(untold, small_stem(), [], 0, tmp_path, lambda *_: None)._begun(None)
    for one, learns in ((untold, False), (task, True)):
        folder = tmp_path / str(learns)
        net = Fitting(one, small_stem(), list(range(12)), 0, folder, lambda *_: None).network()
        assert torch.equal(net.shared.bias, began.shared.bias) != learns
        assert torch.equal(net.own_bias, began.own_bias) != learns
        assert not torch.equal(net.view.bias, began.view.bias)


def test_plain_speech_does_not_enter_the_answer(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6)
    task = small_task(recipe)
    clips = [replace(clip, corpus=PLAIN, emotion=UNTOLD) if n >= 9 else clip for n, clip in enumerate(task.clips)]
    torch.manual_seed(0)
    net = Network(1, recipe, 3, 4).eval()

    def answer(chosen: list[int]) -> Answer:
        material = SimpleNamespace(clips=clips)
        lesson = SimpleNamespace(material=material, inputs=task.inputs, recipe=recipe, chosen=chosen)
        return Run(lesson, 0, tmp_path)._answer(net)  # type: ignore[arg-type]

    told, every, fewer = (answer(list(range(count))) for count in (9, 12, 8))
    assert every.kernel == pytest.approx(told.kernel, abs=1e-4)
    assert every.mean == pytest.approx(told.mean, abs=1e-5)
    assert fewer.mean != pytest.approx(told.mean, abs=1e-5)


def test_a_run_that_is_over_needs_neither_clips_nor_features(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=3, branches=0, batch=4)
    task = small_task(recipe)
    net = Fitting(task, small_stem(), list(range(12)), 0, tmp_path, lambda *_: None).network()
    answer = Answer(*(np.full(shape, n, np.float32) for n, shape in enumerate(((12,), (12,), (12, 8), (8,)))))
    front = {f"front_{name}": values for name, values in vars(FLAT).items()}
    np.savez(tmp_path / "answer.npz", **front, **vars(answer))
    over = Run(Lesson(None, recipe, []), 0, tmp_path)  # type: ignore[arg-type]
    found, same_front, same = over.trained()
    assert all(torch.equal(*both) for both in zip(found.parameters(), net.parameters(), strict=True))
    assert np.array_equal(same.kernel, answer.kernel)
    assert np.array_equal(same_front.deviation, FLAT.deviation)


def test_trials_change_numbers_of_the_recipe_and_nothing_else() -> None:
    changed = replace(Recipe(), **dict(_changed(text) for text in ("epochs=12", "told=0.25", "strangers=0")))  # type: ignore[arg-type]
    assert (changed.epochs, changed.told, changed.strangers) == (12, 0.25, False)
    assert replace(changed, epochs=Recipe.epochs, told=Recipe.told, strangers=Recipe.strangers) == Recipe()
    with pytest.raises(argparse.ArgumentTypeError):
        _changed("epoch=12")
    with pytest.raises(argparse.ArgumentTypeError):
        _corpora("emovo+esperanto")


def test_folds_and_corpora_are_held_back() -> None:
    clips = [Clip(Path("a"), "emovo", "emovo-f1", "sad"), Clip(Path("b"), "nemo", "nemo-SM0", "sad")]
    clips += [Clip(Path("c"), "tess", "tess-YA", "sad"), Clip(Path("d"), "emovo", "emovo-f2", "sad")]
    clips += [Clip(Path("e"), PLAIN, f"{PLAIN}-6097", UNTOLD)]
    asked = argparse.Namespace(folds=(1,), without=("emovo", "nemo+tess"))
    assert _held_back(clips, asked) == [
        ("fold1", [1, 2, 3]),
        ("without-emovo", [0, 3]),
        ("without-nemo+tess", [1, 2]),
    ]
    every = _held_back(clips, argparse.Namespace(folds=range(len(FOLDS)), without=()))
    assert sorted(n for _, held in every for n in held) == [0, 1, 2, 3]  # plain speech is in none


def test_what_is_expected_of_a_label_is_what_it_adds_to_voices() -> None:
    torch.manual_seed(0)
    recipe = Recipe(front=8, units=6)
    net = Network(1, recipe, 3, 4).eval()
    answer = Answer(*(np.full(shape, n, np.float32) for n, shape in enumerate(((12,), (12,), (12, 8), (8,)))))
    low, high = ([[parity.voice(pitch, 1.5, seed=n)] for n in range(3)] for pitch in (110.0, 220.0))
    found = expected(net, FLAT, answer, [("emovo", 0, low), ("emovo", 2, high), ("nemo", 0, [*low, [low[0][0][:100]]])])
    assert found.shape == (len(LABELS), 12)
    assert not np.allclose(found[0], found[2])
    assert found[1] == pytest.approx(found[[0, 2]].mean(axis=0), abs=1e-5)  # of which there is none
    alone = expected(net, FLAT, answer, [("emovo", 0, low)])
    assert alone == pytest.approx(np.repeat(found[:1], len(LABELS), axis=0), abs=1e-5)


def test_a_few_clips_of_each_corpus_and_label_are_typical() -> None:
    labels = ["happy"] * 40 + ["calm", "neutral"]
    clips = [Clip(Path(str(n)), "ravdess", "ravdess-01", label) for n, label in enumerate(labels)]
    clips.append(Clip(Path("t"), TALK, f"{TALK}-t", "neutral"))
    found = list(typical(clips, range(1, len(clips))))
    assert [(corpus, label, len(some)) for corpus, label, some in found] == [("ravdess", 0, 2), ("ravdess", 1, 25)]
    assert set(found[0][2]) == {40, 41}  # calm is neutral in life
    assert 0 not in found[1][2]  # nobody who was not chosen
    assert found == list(typical(clips, range(1, len(clips))))
