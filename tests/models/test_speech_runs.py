"""What is extracted and kept on the way to the speech model. Runs where PyTorch is installed."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
soundfile = pytest.importorskip("soundfile")

from edge.readings import SAMPLE_RATE  # noqa: E402
from edge.speech.classifier import CLASSES  # noqa: E402
from edge.speech.features import FEATURES  # noqa: E402
from edge.speech.spectrum import BANDS, MELS  # noqa: E402
from models.speech import parity  # noqa: E402
from models.speech.cache import Copy, Extraction  # noqa: E402
from models.speech.corpora import Clip, find_clips  # noqa: E402
from models.speech.dataset import Task  # noqa: E402
from models.speech.fit import Fitting, fitted  # noqa: E402
from models.speech.head import Answer  # noqa: E402
from models.speech.hints import hints_for  # noqa: E402
from models.speech.network import STEM, Network  # noqa: E402
from models.speech.recipe import FRAMES, UNIT, Recipe  # noqa: E402
from models.speech.run import Lesson, Run  # noqa: E402
from models.speech.shelf import Front, Inputs, Shelf  # noqa: E402
from models.speech.train import _changed, _corpora, _held_back  # noqa: E402
from models.speech.whisper import Stem  # noqa: E402

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
    draw = np.random.default_rng(0)
    weights = {
        f"encoder/conv{number}/{part}": draw.normal(0, 0.05, shape).astype(np.float16)
        for number, inputs in ((1, BANDS), (2, STEM))
        for part, shape in (("weight", (STEM, inputs, 3)), ("bias", (STEM,)))
    }
    hiss = draw.normal(0, 0.05, SAMPLE_RATE).astype(np.float32)
    return Extraction(clips, spans, [hiss], SAME, Stem(weights))


def test_copies_do_not_depend_on_how_many_processes_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.speech.cache._SHELF", 1)
    extraction = extraction_of(tmp_path)
    rows = np.array([(n, 80 * (2 * n + s), 80) for n in range(3) for s in range(2)])
    clean = Copy(rows, *(np.zeros((0, 1), np.float16),) * 2, np.arange(120))
    one, two = (extraction.degraded(1, tmp_path / f"by{count}", clean, count) for count in (1, 2))
    assert len(one.rows) == 6
    for name in ("rows", "frames", "stem", "heard"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    for row, recorded in zip(one.rows, rows, strict=True):
        heard = one.heard[int(row[1]) // FRAMES : int(row[1] + row[2]) // FRAMES]
        assert len(heard) == row[2] // FRAMES
        assert heard.min() >= recorded[1] // FRAMES  # the same segment, and no other
        assert heard.max() < (recorded[1] + recorded[2]) // FRAMES


def small_task(recipe: Recipe) -> Task:
    draw = np.random.default_rng(1)
    lengths = np.full(12, 20)
    rows = np.stack((np.arange(12), FRAMES * (np.cumsum(lengths) - lengths), FRAMES * lengths), axis=1)
    frames = draw.normal(0, 1, (FRAMES * lengths.sum(), FEATURES)).astype(np.float16)
    stem = draw.normal(0, 1, (len(frames) // UNIT, STEM)).astype(np.float16)
    shelf = Shelf.of([Copy(rows, frames, stem, np.arange(lengths.sum()))] * 2)
    labels = [CLASSES[n % 4] for n in range(12)]
    clips = [Clip(Path(str(n)), "ravdess", f"ravdess-{n % 3 + 2:02}", label) for n, label in enumerate(labels)]
    states = torch.from_numpy(draw.normal(0, 1, (lengths.sum(), 6)).astype(np.float16))
    hints = hints_for(shelf, states, {n: clip.speaker for n, clip in enumerate(clips)}, {}, recipe)
    judged = np.full((12, len(CLASSES)), 1 / 8)
    return Task(Inputs(shelf, SAME, FLAT), clips, ("ravdess",), judged, hints, recipe)


def test_training_goes_on_where_it_was_and_keeps_what_it_gives(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=10, branches=2, branch_epochs=5, batch=4)
    task, chosen = small_task(recipe), list(range(12))

    def fitted_until(folder: Path, last: int | None) -> Network:
        def report(epoch: int, answers: float, hints: float) -> None:
            if epoch == last:
                raise KeyboardInterrupt
            seen.append(epoch)

        return Fitting(task, chosen, 0, folder, report).network()

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
    Fitting(small_task(recipe), list(range(12)), 0, tmp_path, lambda *_: None).network()
    parts = [torch.load(tmp_path / name / "network.pt", weights_only=True) for name in ("first", "branch0", "branch1")]
    mean = torch.load(tmp_path / "network.pt", weights_only=True)
    for name in ("lstm.bias_hh_l0", "own_bias"):
        every = torch.stack([part[name] for part in parts])
        assert not torch.equal(every[1], every[2])  # they drew other batches
        assert torch.allclose(mean[name], every.mean(dim=0), atol=1e-6)


def test_a_run_that_is_over_needs_neither_clips_nor_features(tmp_path: Path) -> None:
    recipe = Recipe(front=8, units=6, thoughts=3, views=4, epochs=3, branches=0, batch=4)
    task = small_task(recipe)
    net = Fitting(task, list(range(12)), 0, tmp_path, lambda *_: None).network()
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
    asked = argparse.Namespace(folds=(1,), without=("emovo", "nemo+tess"))
    assert _held_back(clips, asked) == [
        ("fold1", [1, 2, 3]),
        ("without-emovo", [0, 3]),
        ("without-nemo+tess", [1, 2]),
    ]
