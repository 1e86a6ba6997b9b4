"""What the speech recipe does to its data: fronts, teacher, hints, head. Runs where PyTorch is installed."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from edge.speech.classifier import CLASSES  # noqa: E402
from edge.speech.features import FEATURES, SegmentFeatures  # noqa: E402
from edge.speech.frames import HOP  # noqa: E402
from edge.speech.spectrum import BANDS, MELS  # noqa: E402
from models.speech import parity  # noqa: E402
from models.speech.cache import Account, Copy, Whence, loud_span  # noqa: E402
from models.speech.corpora import MISSING, TALK, Clip, class_index  # noqa: E402
from models.speech.dataset import ANSWERS, Task, epoch  # noqa: E402
from models.speech.head import Known, _of_no_corpus, answer_layer  # noqa: E402
from models.speech.hints import described, hints_for  # noqa: E402
from models.speech.network import STEM, Network, joined, pooled, shared_answer  # noqa: E402
from models.speech.recipe import EARLY, FRAMES, UNIT, Recipe  # noqa: E402
from models.speech.shelf import Front, Inputs, Shelf, fronted  # noqa: E402
from models.speech.teacher import Line, descriptions, judged_by_others, judgements  # noqa: E402
from models.speech.whisper import Stem  # noqa: E402


def copy_of(rows: NDArray[np.int64], frames: NDArray[np.float16]) -> Copy:
    stem = np.zeros((len(frames) // UNIT, STEM), np.float16)
    return Copy(rows, frames, stem, np.arange(len(frames) // FRAMES))


def test_another_mean_gives_what_extraction_with_it_gives() -> None:
    sound = parity.voice(160, 1.5)
    first, second = np.linspace(-3, 3, MELS - 1, dtype=np.float32), np.linspace(2, -2, MELS - 1, dtype=np.float32)
    frames = np.concatenate([chunk.features for chunk in SegmentFeatures(first).push(sound)])
    row = np.array([0, 0, len(frames)])
    same = np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32)
    inputs = Inputs(Shelf.of([copy_of(row[None], frames.astype(np.float16))]), first, Front(first, *same))
    moved = fronted(inputs, {0}, second)
    expected = np.concatenate([chunk.features for chunk in SegmentFeatures(second).push(sound)])
    units = torch.arange(len(frames) // UNIT)
    plain = moved.plain(torch.zeros(1, dtype=torch.int64), units).flatten(0, 1).numpy()
    assert plain == pytest.approx(expected, abs=0.05)
    assert moved.front.mean == pytest.approx(expected.mean(axis=0), abs=0.02)


def people(speakers: int, each: int = 16) -> tuple[list[Clip], NDArray[np.float32]]:
    """Speakers who differ, and feelings that show all the same."""
    draw = np.random.default_rng(0)
    centres = draw.normal(0, 2, (len(CLASSES), 12))
    clips, rows = [], []
    for speaker in range(speakers):
        own = draw.normal(0, 1, 12)
        for number in range(each):
            label = CLASSES[number % len(CLASSES)]
            clips.append(Clip(Path(f"{speaker}-{number}"), "ravdess", f"ravdess-{speaker:02}", label))
            rows.append(centres[number % len(CLASSES)] + own + draw.normal(0, 0.3, 12))
    return clips, np.array(rows, np.float32)


def test_the_teacher_judges_each_speaker_by_the_others() -> None:
    clips, known = people(10)
    chosen = [n for n, clip in enumerate(clips) if clip.speaker < "ravdess-08"]
    judged = judgements(known, clips, chosen)
    truth = np.array([class_index(clip, CLASSES) for clip in clips])
    assert judged[chosen].sum(axis=1) == pytest.approx(1)
    assert np.mean(judged[chosen].argmax(axis=1) == truth[chosen]) > 0.8
    assert not judged[len(chosen) :].any()
    strangers = known.copy()
    strangers[len(chosen) :] += 100  # of people who are held back nothing is used
    assert np.array_equal(judgements(strangers, clips, chosen), judged)
    mine = [n for n in chosen if clips[n].speaker == "ravdess-00"]
    lied = [replace(clip, emotion="sad") if n in mine else clip for n, clip in enumerate(clips)]
    first, second = (each[mine].argmax(axis=1) for each in (judgements(known, lied, chosen), judged))
    assert np.array_equal(first, second)  # nor of one's own labels


def test_the_discriminant_from_inner_products_is_the_plain_one() -> None:
    clips, known = people(6)
    truth = np.array([class_index(clip, CLASSES) for clip in clips])
    speakers = np.array([clip.speaker for clip in clips])
    judged = judged_by_others(known, truth, speakers)
    mine = speakers == "ravdess-03"
    plain = Line.learned(known[~mine], truth[~mine]).of(known[mine])
    assert np.mean(judged[mine].argmax(axis=1) == plain.argmax(axis=1)) > 0.9


def test_a_description_is_that_of_all_segments_of_a_clip() -> None:
    draw = np.random.default_rng(1)
    parts = [draw.normal(size=(units, 4)) for units in (20, 12)]
    sums = np.stack([np.stack((part.sum(axis=0), (part**2).sum(axis=0))) for part in parts]).astype(np.float32)
    rows = np.array([[0, 0, 40], [0, 40, 24]])
    whole = np.concatenate(parts)
    clean = copy_of(rows, np.zeros((64, FEATURES), np.float16))
    found = descriptions(clean, Account(np.zeros((0, 1), np.float16), sums), 1)
    assert found[0] == pytest.approx(np.concatenate((whole.mean(axis=0), whole.std(axis=0))), abs=1e-5)


def test_the_head_tells_classes_apart_in_every_corpus() -> None:
    draw = np.random.default_rng(3)
    centres = {corpus: draw.normal(0, 1, (len(CLASSES), 20)) for corpus in ("ravdess", "banglaser")}
    clips, rows = [], []
    for number in range(1600):
        corpus, label = ("ravdess", "banglaser")[number % 2], CLASSES[number // 2 % len(CLASSES)]
        if label not in MISSING[corpus]:
            clips.append(Clip(Path(str(number)), corpus, f"{corpus}-{number % 20}", label))
            rows.append(centres[corpus][CLASSES.index(label)] + draw.normal(0, 0.6, 20))
    late = np.array(rows, np.float32)
    early = late[:, ::-1] * np.float32(0.5)  # whatever is heard after a second: something else
    answer = answer_layer(Known(late, clips), Known(early, clips), strangers=False)
    assert answer.kernel.shape == (20, 2 * 2 * len(CLASSES))
    for heard in (late, early):
        guess = answer.logits(heard).argmax(axis=1)
        assert np.mean(guess == [CLASSES.index(clip.emotion) for clip in clips]) > 0.9
    # BanglaSER, the first group, has no calm: there it is what it is in RAVDESS.
    calm = CLASSES.index("calm")
    assert np.array_equal(answer.kernel[:, calm], answer.kernel[:, len(CLASSES) + calm])


def test_each_way_of_talking_has_a_mean_of_its_own() -> None:
    """Talk far away from all that is acted is neutral, though its ways lie on both sides of a feeling."""
    draw = np.random.default_rng(4)
    clips, rows = [], []
    for number in range(800):
        label = CLASSES[number % len(CLASSES)]
        clips.append(Clip(Path(str(number)), "ravdess", f"ravdess-{number % 20:02}", label))
        rows.append(np.eye(len(CLASSES), 10)[number % len(CLASSES)] * 4 + draw.normal(0, 0.4, 10))
    sad = np.eye(len(CLASSES), 10)[CLASSES.index("sad")] * 4
    away = np.eye(10)[9] * 4
    for number in range(80):
        clips.append(Clip(Path(f"t{number}"), TALK, f"{TALK}-{number}", "neutral"))
        rows.append(sad + away * (1 if number % 2 else -1) + draw.normal(0, 0.4, 10))
    known = Known(np.array(rows, np.float32), clips)
    answer = answer_layer(known, known)
    guess = answer.logits(known.statistics).argmax(axis=1)
    assert np.mean(guess == [CLASSES.index(clip.emotion) for clip in clips]) > 0.95


def test_what_all_corpora_share_counts_in_every_group() -> None:
    clips, known = people(6)
    torch.manual_seed(0)
    net = Network(1, Recipe(units=6), 4, 5)
    net.norm.running_mean.copy_(torch.from_numpy(known.mean(axis=0)))
    net.norm.running_var.copy_(torch.from_numpy(known.var(axis=0)))
    net.eval()
    whole = Known(known, clips)
    plain, mixed = answer_layer(whole, whole), answer_layer(whole, whole, shared_answer(net), weight=3)
    scaled = (known - plain.mean) / plain.deviation
    added = scaled @ (mixed.kernel - plain.kernel) + (mixed.bias - plain.bias)
    with torch.inference_mode():
        shared = net.shared(net.norm(torch.from_numpy(known))).numpy()
    shared -= shared.mean(axis=1, keepdims=True)
    for group in np.split(added, 4, axis=1):
        assert group == pytest.approx(3 * shared, abs=1e-3)


def spoken(clips: int = 40) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Rows of different lengths, and the teacher's states for each of their steps."""
    draw = np.random.default_rng(4)
    lengths = draw.integers(20, 60, clips)
    rows = np.stack((np.arange(clips), FRAMES * (np.cumsum(lengths) - lengths), FRAMES * lengths), axis=1)
    return rows, draw.normal(0, 1, (lengths.sum(), 6)).astype(np.float16)


def test_the_teacher_has_in_mind_what_it_heard_in_the_recording() -> None:
    """A copy at half the speed that begins a step early: each step of it comes from the same place as recorded."""
    row = np.array([0, 2 * FRAMES, 8 * FRAMES])
    whence = Whence(0, 0.5, -FRAMES * HOP)
    assert whence.steps(row, 6).tolist() == [2, 2, 2, 2, 3, 3]
    assert whence.steps(row, 40)[-1] == 9  # no further than the segment
    assert whence.steps(None, 3).tolist() == [-1, -1, -1]


def test_what_all_corpora_share_answers_alone_where_the_corpus_is_not_told() -> None:
    torch.manual_seed(0)
    net = Network(2, Recipe(units=6, front=8), 4, 5).eval()
    torch.nn.init.normal_(net.own)
    features, stem = torch.randn(2, 8, UNIT * FEATURES), torch.randn(2, 8, STEM)
    asked, corpora = torch.ones(2, 1, dtype=torch.int64), torch.tensor([0, 1])
    told, stranger = (net.taught(features, stem, asked, corpora, torch.full((2,), share))[0] for share in (1.0, 0.0))
    other = net.taught(features, stem, asked, corpora.flip(0), torch.zeros(2))[0]
    assert torch.equal(stranger, other)
    assert not torch.allclose(told, stranger)


def test_hints_use_nothing_of_people_held_back() -> None:
    rows, states = spoken()
    known = np.stack([described(torch.from_numpy(states[start : start + 13]))[-1] for start in range(0, 300, 13)])
    lines = {"ravdess": Line.learned(known, np.arange(len(known)) % 3)}
    speakers = {n: f"speaker-{n % 5}" for n in range(30)}
    recipe = Recipe(thoughts=4, views=5)
    shelf = Shelf.of([copy_of(rows, np.zeros((FRAMES * len(states), FEATURES), np.float16))])
    first = hints_for(shelf, torch.from_numpy(states), speakers, lines, recipe)
    strange = torch.from_numpy(states.copy())
    held = int(rows[30, 1]) // FRAMES
    strange[held:] *= 50
    second = hints_for(shelf, strange, speakers, lines, recipe)
    for ours, theirs in zip(vars(first).values(), vars(second).values(), strict=True):
        assert torch.allclose(ours[:held], theirs[:held], atol=0.01)
        assert not torch.allclose(ours[held:], theirs[held:], atol=0.01)
    assert first.thoughts.shape == (len(states), 4)
    assert first.views.shape == (len(states), 5 + 3)


def test_hints_of_a_copy_are_those_of_the_place_where_it_was_recorded() -> None:
    rows, states = spoken()
    frames = np.zeros((FRAMES * len(states), FEATURES), np.float16)
    clean = copy_of(rows, frames)
    later = replace(clean, heard=np.where(clean.heard == 7, -1, np.maximum(clean.heard - 1, 0)))
    shelf = Shelf.of([clean, later])
    found = hints_for(shelf, torch.from_numpy(states), dict.fromkeys(range(30), "a"), {}, Recipe(thoughts=4, views=5))
    moved = found.thoughts[len(states) :]
    assert torch.equal(moved[1:7], found.thoughts[:6])
    assert not moved[7].any()  # nothing was heard there
    assert torch.equal(found.views[0], found.views[len(states)])  # after its first step, the same one
    assert not torch.equal(found.views[9], found.views[len(states) + 9])


def test_a_description_is_that_of_the_states_so_far() -> None:
    states = np.random.default_rng(5).normal(0, 1, (30, 4)).astype(np.float16)
    so_far = states[:17].astype(np.float64)
    assert described(torch.from_numpy(states))[16].numpy() == pytest.approx(
        np.concatenate((so_far.mean(axis=0), so_far.std(axis=0))), abs=1e-3
    )


def test_batches_ask_for_answers_within_what_is_heard() -> None:
    rows, states = spoken()
    frames = np.zeros((FRAMES * len(states), FEATURES), np.float16)
    clips = [Clip(Path(str(n)), "emovo", f"emovo-f{n % 3}", "sad") for n in range(len(rows))]
    shelf = Shelf.of([copy_of(rows, frames)] * 2)
    recipe = replace(Recipe(thoughts=4, views=5), batch=16, others_share=1.0)
    hints = hints_for(shelf, torch.from_numpy(states), {n: clip.speaker for n, clip in enumerate(clips)}, {}, recipe)
    same = np.zeros(MELS - 1, np.float32)
    inputs = Inputs(shelf, same, Front(same, np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32)))
    task = Task(inputs, clips, ("emovo",), np.full((len(clips), len(CLASSES)), 1 / 8), hints, recipe)
    batches = list(epoch(task, list(range(len(clips))), np.random.default_rng(0)))
    assert sum(len(batch.steps) for batch in batches) == len(clips)
    for batch in batches:
        assert batch.asked.shape == (len(batch.steps), ANSWERS)
        assert (batch.asked[:, 0] == batch.steps - 1).all()
        assert (batch.asked < batch.steps[:, None]).all()
        assert (batch.asked >= EARLY - 1).all()
        assert batch.targets.sum(dim=1).numpy() == pytest.approx(1)
        assert batch.thoughts.shape[1] == int(batch.steps.max())
        net = Network(1, recipe, 4, 5)
        parts = batch.features, batch.stem.float(), batch.asked, batch.corpora
        assert net.taught(*parts)[0].shape == (len(batch.steps), ANSWERS, len(CLASSES))


def test_people_of_no_corpus_have_means_that_do_not_tell_corpora() -> None:
    """What a class adds that only one corpus has is not taken for what that corpus is."""
    draw = np.random.default_rng(5)
    adds = draw.normal(0, 1, (len(CLASSES), 12))
    away = {"ravdess": np.zeros(12), "banglaser": np.full(12, 6.0)}
    clips, rows = [], []
    for number in range(1600):
        corpus, label = ("ravdess", "banglaser")[number % 2], CLASSES[number // 2 % len(CLASSES)]
        if label not in MISSING[corpus]:
            clips.append(Clip(Path(str(number)), corpus, f"{corpus}-{number % 20}", label))
            rows.append(away[corpus] + adds[CLASSES.index(label)] + draw.normal(0, 0.1, 12))
    known = Known(np.array(rows, np.float32), clips)
    means = {(0, clip.corpus, clip.emotion): np.zeros(12) for clip in clips}
    for one in means:
        means[one] = known.statistics[[(c.corpus, c.emotion) == one[1:] for c in clips]].mean(axis=0)
    found = _of_no_corpus(means | {(1, *one[1:]): mean for one, mean in means.items()})
    for n, label in enumerate(CLASSES):
        assert found[0, "", label] - found[0, "", "sad"] == pytest.approx(adds[n] - adds[CLASSES.index("sad")], abs=0.1)
    assert found[0, "", "sad"] == pytest.approx(3 + adds[CLASSES.index("sad")], abs=0.1)  # half way between them
    strangers = np.array([3 + adds[n] for n in range(len(CLASSES))], np.float32)
    assert answer_layer(known, known).logits(strangers).argmax(axis=1).tolist() == list(range(len(CLASSES)))


def test_talk_counts_as_often_as_is_said() -> None:
    clips, known = people(6)
    mine = Known(
        known, [replace(clip, corpus=TALK, emotion="neutral") if n % 16 == 0 else clip for n, clip in enumerate(clips)]
    )
    less, more = (answer_layer(mine, mine, talk_often=often) for often in (1.0, 3.0))
    added = (more.bias - less.bias).reshape(2, -1, len(CLASSES))
    neutral = added[:, -6:, CLASSES.index("neutral")]  # six ways of talking, the last groups at either length
    assert neutral == pytest.approx(2, abs=1e-4)
    assert added.sum() == pytest.approx(neutral.sum(), abs=1e-3)  # and nothing else


def test_statistics_are_those_of_the_steps_so_far() -> None:
    states, weights = torch.randn(2, 9, 3), torch.rand(2, 9, 1)
    found = pooled(states, weights, torch.tensor([[8, 4], [1, 2]]))[0, 1].numpy()
    some, own = states[0, :5].numpy(), weights[0, :5].numpy()
    mean = (own * some).sum(axis=0) / own.sum()
    variance = (own * some**2).sum(axis=0) / own.sum() - mean**2
    assert found == pytest.approx(np.concatenate((mean, np.sqrt(variance + 1e-4))), abs=1e-4)


def test_a_step_sees_its_own_frames() -> None:
    units = 3 * FRAMES // UNIT
    features = torch.arange(units * UNIT * FEATURES, dtype=torch.float32).reshape(1, units, UNIT * FEATURES)
    stem = torch.arange(units, dtype=torch.float32)[None, :, None].expand(1, units, STEM)
    seen = joined(features, stem)
    assert seen.shape == (1, 3, FRAMES * FEATURES + FRAMES // UNIT * STEM)
    assert torch.equal(
        seen[0, 1, : FRAMES * FEATURES], features[0].flatten()[FRAMES * FEATURES : 2 * FRAMES * FEATURES]
    )
    assert seen[0, 1, -2 * STEM :].reshape(2, STEM).unique(dim=1)[:, 0].tolist() == [2, 3]


def test_the_stem_says_the_same_in_chunks_as_in_one_pass() -> None:
    draw = np.random.default_rng(0)
    weights = {
        f"encoder/conv{number}/{part}": draw.normal(0, 0.05, shape).astype(np.float16)
        for number, inputs in ((1, BANDS), (2, STEM))
        for part, shape in (("weight", (STEM, inputs, 3)), ("bias", (STEM,)))
    }
    stem = Stem(weights)
    frames = draw.normal(0, 1, (3 + 64, BANDS)).astype(np.float32)
    whole = stem(frames[None])[0]
    chunks = stem(np.stack([frames[start : start + 19] for start in range(0, 64, 16)]))
    assert chunks.reshape(whole.shape) == pytest.approx(whole, abs=1e-4)


def test_what_is_loud_is_taken_where_no_voice_is_found() -> None:
    sound = np.concatenate((np.zeros(8000), parity.voice(150, 1.0), np.zeros(8000))).astype(np.float32)
    first, last = loud_span(sound)
    assert first == pytest.approx(8000, abs=1600)
    assert last == pytest.approx(24000, abs=2500)
    assert math.isclose(loud_span(np.zeros(1000, np.float32))[1], 1000)
