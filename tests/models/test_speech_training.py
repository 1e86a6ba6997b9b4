"""What the speech recipe does to its data: fronts, teacher, hints, head. Runs where PyTorch is installed."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.inference import Floats
from edge.readings import Samples

torch = pytest.importorskip("torch")

from edge.speech.classifier import CLASSES  # noqa: E402
from edge.speech.features import CONTEXT, FEATURES, SegmentFeatures  # noqa: E402
from edge.speech.frames import CHUNK  # noqa: E402
from edge.speech.spectrum import BANDS, MELS  # noqa: E402
from models.speech import parity  # noqa: E402
from models.speech.cache import BLOCKS, Copy, loud_span, taught  # noqa: E402
from models.speech.corpora import CORPORA, MISSING, PLAIN, TALK, UNTOLD, Clip, class_index  # noqa: E402
from models.speech.dataset import ANSWERS, Task, epoch, times  # noqa: E402
from models.speech.head import Known, _of_no_corpus, answer_layer  # noqa: E402
from models.speech.hints import Hints, described, hints_for  # noqa: E402
from models.speech.network import STEM, Heard, Network, Stem, joined, pooled, shared_answer  # noqa: E402
from models.speech.recipe import EARLY, FRAMES, UNIT, Recipe  # noqa: E402
from models.speech.shelf import Front, Inputs, Shelf, fronted  # noqa: E402
from models.speech.teacher import Line, descriptions, judged_by_others, judgements, judges  # noqa: E402
from models.speech.whisper import Convolutions, Encoder, convolutions  # noqa: E402

SAME = np.zeros(MELS - 1, np.float32)
FLAT = Front(SAME, np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))


def copy_of(
    rows: NDArray[np.int64], frames: NDArray[np.float16] | None = None, states: NDArray[np.float16] | None = None
) -> Copy:
    """Of silence, where nothing else is said."""
    count = int(rows[:, 2].sum())
    frames = np.zeros((count, FEATURES), np.float16) if frames is None else frames
    states = np.zeros((count // FRAMES, 6), np.float16) if states is None else states
    return Copy(rows, frames, np.zeros((count // CHUNK, CONTEXT + CHUNK, BANDS), np.float16), states)


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
    states = np.random.default_rng(1).normal(size=(16, 4)).astype(np.float16)
    rows = np.array([[0, 0, 32], [1, 32, 16], [0, 48, 16]])
    found = descriptions(copy_of(rows, states=states), 3)
    whole = np.concatenate((states[:8], states[12:])).astype(np.float64)
    assert found[0] == pytest.approx(np.concatenate((whole.mean(axis=0), whole.std(axis=0))), abs=1e-3)
    assert not found[2].any()


def test_plain_speech_has_no_say_in_what_the_teacher_makes_of_others() -> None:
    clips, known = people(6)
    clips += [Clip(Path(f"p{n}"), PLAIN, f"{PLAIN}-{n % 3}", UNTOLD) for n in range(12)]
    every, told = list(range(len(clips))), list(range(len(known)))
    strange = np.concatenate((known, np.full((12, known.shape[1]), 50, np.float32)))
    assert np.array_equal(judgements(strange, clips, every)[told], judgements(strange, clips, told)[told])
    lines, without = (judges(strange, clips, chosen) for chosen in (every, told))
    assert lines.keys() == {"ravdess"}
    assert np.array_equal(lines["ravdess"].matrix, without["ravdess"].matrix)


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
    rows = laid_out(np.arange(clips), CHUNK * draw.integers(5, 15, clips))
    return rows, draw.normal(0, 1, (rows[:, 2].sum() // FRAMES, 6)).astype(np.float16)


def laid_out(clips: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """A segment of each, one after the other."""
    return np.stack((clips, np.cumsum(lengths) - lengths, lengths), axis=1)


def heard_of(items: int) -> Heard:
    """One chunk of each, of some kind, from its first to its last unit."""
    sources = torch.arange(CHUNK // UNIT)[None].repeat(items, 1)
    bands = torch.randn(items, 1, CONTEXT + CHUNK, BANDS)
    return Heard(torch.randn(*sources.shape, UNIT * FEATURES), bands, sources, torch.zeros_like(sources).bool())


def test_what_all_corpora_share_answers_alone_where_the_corpus_is_not_told() -> None:
    torch.manual_seed(0)
    net = Network(2, Recipe(units=6, front=8), 4, 5).eval()
    torch.nn.init.normal_(net.own)
    heard = heard_of(2)
    asked, corpora = torch.ones(2, 1, dtype=torch.int64), torch.tensor([0, 1])
    told, stranger = (net.taught(heard, asked, corpora, torch.full((2,), share))[0] for share in (1.0, 0.0))
    other = net.taught(heard, asked, corpora.flip(0), torch.zeros(2))[0]
    assert torch.equal(stranger, other)
    assert not torch.allclose(told, stranger)


def test_hints_use_nothing_of_people_held_back() -> None:
    rows, states = spoken()
    known = np.stack([described(torch.from_numpy(states[start : start + 13]))[-1] for start in range(0, 300, 13)])
    lines = {"ravdess": Line.learned(known, np.arange(len(known)) % 3)}
    speakers = {n: f"speaker-{n % 5}" for n in range(30)}
    recipe = Recipe(thoughts=4, views=5)
    first = hints_for([copy_of(rows, states=states)], speakers, lines, recipe)
    strange = states.copy()
    held = int(rows[30, 1]) // FRAMES
    strange[held:] *= 50
    second = hints_for([copy_of(rows, states=strange)], speakers, lines, recipe)
    for ours, theirs in zip(vars(first).values(), vars(second).values(), strict=True):
        assert torch.allclose(ours[:held], theirs[:held], atol=0.01)
        assert not torch.allclose(ours[held:], theirs[held:], atol=0.01)
    assert first.thoughts.shape == (len(states), 4)
    assert first.views.shape == (len(states), 5 + 3)


def test_hints_of_a_copy_are_those_of_its_own_states() -> None:
    """A copy that holds the clips backwards, in which the teacher heard the last one as another voice."""
    rows, states = spoken()
    places = {int(clip): slice(first // FRAMES, (first + frames) // FRAMES) for clip, first, frames in rows}
    backwards = laid_out(rows[::-1, 0], rows[::-1, 2])
    own = np.concatenate([states[places[int(clip)]] * np.float16(2 if clip == 39 else 1) for clip in backwards[:, 0]])
    copies = [copy_of(rows, states=states), copy_of(backwards, states=own)]
    found = hints_for(copies, dict.fromkeys(range(30), "a"), {}, Recipe(thoughts=4, views=5))
    for clip, first, frames in backwards:
        mine = slice(len(states) + first // FRAMES, len(states) + (first + frames) // FRAMES)
        for hints in vars(found).values():
            assert torch.allclose(hints[mine], hints[places[int(clip)]], atol=0.02) == (clip != 39)


def test_a_description_is_that_of_the_states_so_far() -> None:
    states = np.random.default_rng(5).normal(0, 1, (30, 4)).astype(np.float16)
    so_far = states[:17].astype(np.float64)
    assert described(torch.from_numpy(states))[16].numpy() == pytest.approx(
        np.concatenate((so_far.mean(axis=0), so_far.std(axis=0))), abs=1e-3
    )


def test_batches_ask_for_answers_within_what_is_heard() -> None:
    rows, states = spoken()
    clips = [Clip(Path(str(n)), "emovo", f"emovo-f{n % 3}", "sad") for n in range(len(rows))]
    copies = [copy_of(rows, states=states)] * 2
    recipe = replace(Recipe(thoughts=4, views=5), batch=16, others_share=1.0)
    hints = hints_for(copies, {n: clip.speaker for n, clip in enumerate(clips)}, {}, recipe)
    judged = np.full((len(clips), len(CLASSES)), 1 / 8)
    task = Task(Inputs(Shelf.of(copies), SAME, FLAT), clips, ("emovo",), judged, hints, recipe)
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
        assert net.taught(batch.heard, batch.asked, batch.corpora)[0].shape == (len(batch.steps), ANSWERS, len(CLASSES))


def marked(rows: NDArray[np.int64]) -> Copy:
    """A copy in which everything says of which clip it is, and of which chunk or step of that."""
    chunks, steps = (
        np.concatenate([[(clip, place) for place in range(frames // each)] for clip, _, frames in rows])
        for each in (CHUNK, FRAMES)
    )
    frames = np.tile(np.repeat(chunks, CHUNK, axis=0), FEATURES // 2)
    bands = np.tile(chunks[:, None], (1, CONTEXT + CHUNK, BANDS // 2))
    return Copy(rows, *(part.astype(np.float16) for part in (frames, bands, steps)))


def test_features_bands_and_thoughts_of_a_batch_are_of_the_same_moments() -> None:
    rows, _ = spoken()
    clips = [Clip(Path(str(n)), "emovo", f"emovo-f{n % 3}", "sad") for n in range(len(rows))]
    copies = [marked(rows), marked(laid_out(rows[::-1, 0], rows[::-1, 2]))]
    hints = Hints(*(torch.from_numpy(np.concatenate([one.states for one in copies])) for _ in range(2)))
    spread = Front(SAME, np.full(FEATURES, 20, np.float32), np.full(FEATURES, 5, np.float32))
    recipe = replace(Recipe(), batch=16, others_share=1.0, colour=0)
    judged = np.full((len(clips), len(CLASSES)), 1 / 8)
    task = Task(Inputs(Shelf.of(copies), SAME, spread), clips, ("emovo",), judged, hints, recipe)
    batches = list(epoch(task, list(range(len(clips))), np.random.default_rng(0)))
    for batch in batches:
        heard = batch.heard
        seen = heard.features.unflatten(-1, (-1, 2)).mean(dim=2) * 5 + 20
        looked = heard.bands[torch.arange(len(batch.steps))[:, None], heard.sources // (CHUNK // UNIT), 0, :2].float()
        assert torch.allclose(seen[~heard.blank], looked[~heard.blank], atol=0.45)
        assert torch.allclose(seen[heard.blank], torch.tensor(20.0), atol=0.45)
        assert torch.equal(batch.thoughts[..., 0], looked[:, ::2, 0])
        assert torch.equal(batch.thoughts[..., 1], (heard.sources[:, 1::2] // (FRAMES // UNIT)).float())
        assert torch.equal(batch.views, batch.thoughts.gather(1, batch.asked[..., None].expand(-1, -1, 2)))
    assert any(batch.heard.blank.any() for batch in batches)
    taken = torch.cat([batch.thoughts[:, 0, 0] for batch in batches])
    assert sorted(taken.tolist()) == rows[:, 0].tolist()


def test_plain_speech_is_taken_as_often_as_the_recipe_says_and_has_nothing_to_be_answered() -> None:
    clips = [
        Clip(Path("a"), "ravdess", "ravdess-02", "sad"),
        Clip(Path("b"), TALK, f"{TALK}-b", "neutral"),
        Clip(Path("c"), PLAIN, f"{PLAIN}-c", UNTOLD),
    ]
    rows = laid_out(np.arange(3), np.full(3, 5 * CHUNK))
    copies = [copy_of(rows)] * 2
    hints = Hints(torch.zeros(120, 4), torch.zeros(120, 5))
    judged = np.full((3, len(CLASSES)), 1 / 8)
    for share in (0.0, 1.0):
        recipe = Recipe(plain_share=share, talk_times=1)
        task = Task(Inputs(Shelf.of(copies), SAME, FLAT), clips, (*CORPORA, PLAIN), judged, hints, recipe)
        assert times(clips[2], recipe) == share
        assert task.targets.sum(axis=1) == pytest.approx([1, 1, 0])
        (batch,) = epoch(task, [0, 1, 2], np.random.default_rng(0))
        plain = batch.corpora == len(CORPORA)
        assert int(plain.sum()) == share
        assert batch.targets[~plain].sum(dim=1).numpy() == pytest.approx(1)
        assert not batch.targets[plain].any()


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


def test_the_stem_begins_as_the_entrance_of_the_encoder() -> None:
    draw = np.random.default_rng(0)
    weights = {
        f"encoder/conv{number}/{part}": draw.normal(0, 0.05, shape).astype(np.float16)
        for number, inputs in ((1, BANDS), (2, STEM))
        for part, shape in (("weight", (STEM, inputs, 3)), ("bias", (STEM,)))
    }
    known = convolutions(weights)
    stem = Stem()
    stem.begin_as(known)
    assert all(np.array_equal(*both) for both in zip(stem.arrays(), known, strict=True))
    assert isinstance(stem.arrays(), Convolutions)
    frames = draw.normal(0, 1, (5, BANDS))
    inner = np.stack([np.einsum("oit,ti->o", known.first, frames[n : n + 3]) + known.first_bias for n in range(3)])
    outer = np.einsum("oit,ti->o", known.second, gelu(inner)) + known.second_bias
    with torch.inference_mode():
        found = stem(torch.from_numpy(frames[None].astype(np.float32)))[0, 0].numpy()
    assert found == pytest.approx(gelu(outer), abs=1e-4)


def gelu(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values * np.vectorize(lambda value: (1 + math.erf(value / math.sqrt(2))) / 2)(values))


def test_the_network_hears_the_same_in_chunks_as_in_one_pass() -> None:
    torch.manual_seed(0)
    net = Network(1, Recipe(units=6, front=8), 4, 5).eval()
    frames = torch.randn(2, CONTEXT + 4 * CHUNK, BANDS)
    chunks = torch.stack([frames[:, start : start + CONTEXT + CHUNK] for start in range(0, 4 * CHUNK, CHUNK)], dim=1)
    features = torch.randn(2, 28, UNIT * FEATURES)  # three chunks and a half
    with torch.inference_mode():
        whole = net.stem(frames)
        states, weights = net(features, chunks)
        expected, expected_weights = net.listened(features, whole[:, :28])
        others, _ = net(features, chunks.flip(1))
    assert torch.allclose(net.stem(chunks).flatten(1, 2), whole, atol=1e-5)
    assert torch.allclose(states, expected, atol=1e-5)
    assert torch.allclose(weights, expected_weights, atol=1e-5)
    assert not torch.allclose(states, others, atol=1e-3)


def test_what_is_heard_are_the_units_that_the_sources_name_and_nothing_where_they_are_missing() -> None:
    torch.manual_seed(0)
    stem = Stem()
    bands = torch.randn(2, 2, CONTEXT + CHUNK, BANDS)
    sources = torch.tensor([[0, 0, 5, 9, 15], [3, 2, 8, 8, 1]])
    blank = torch.tensor([[False, True, False, False, True], [False, False, False, True, False]])
    with torch.inference_mode():
        found = Heard(torch.zeros(2, 5, UNIT * FEATURES), bands, sources, blank).by(stem)
        every = stem(bands).flatten(1, 2)
    for item in range(2):
        for place, source in enumerate(sources[item].tolist()):
            expected = torch.zeros(STEM) if blank[item, place] else every[item, source]
            assert torch.equal(found[item, place], expected)


class Timekeeper(Encoder):
    """A teacher that says which block and which unit it is and how loud the unit was, and knows thirty seconds."""

    def __init__(self) -> None:
        pass

    def __call__(self, sounds: list[Samples]) -> list[list[Floats]]:
        return [[self._said(sound, block) for block in range(4)] for sound in sounds]

    def _said(self, sound: Samples, block: int) -> Floats:
        if len(sound) > 480_000:
            raise ValueError("more than thirty seconds")
        units = sound[: len(sound) // 320 * 320].reshape(-1, 320)
        place = np.arange(len(units), dtype=np.float32)
        return np.stack((np.full_like(place, block), place, np.abs(units).mean(axis=1)), axis=1)


def test_the_teacher_has_a_state_for_each_step_of_the_longest_segment_too() -> None:
    draw = np.random.default_rng(0)
    short, longer = (draw.normal(0, 0.1, length).astype(np.float32) for length in (16_240, 560_000))
    short[:8000] *= np.float32(0.2)
    found = taught(Timekeeper(), [(longer, 3488), (short, 96), (10 * short, 96)])
    assert [len(states) for states in found] == [872, 24, 24]
    assert {states.dtype for states in found} == {np.dtype(np.float16)}
    for states in found:
        assert np.array_equal(states[:, ::3], np.tile(BLOCKS, (len(states), 1)))
    steps = np.arange(872) * (FRAMES // UNIT) + 0.5
    assert found[1][:, 1] == pytest.approx(steps[:24])
    assert found[0][:, 1] == pytest.approx(np.minimum(steps, 1495), abs=1)  # what it knows ends before the segment
    assert found[1][:12, 2].max() < found[1][13:, 2].min()
    assert found[2] == pytest.approx(found[1], rel=1e-2)  # however loud it was recorded


def test_what_is_loud_is_taken_where_no_voice_is_found() -> None:
    sound = np.concatenate((np.zeros(8000), parity.voice(150, 1.0), np.zeros(8000))).astype(np.float32)
    first, last = loud_span(sound)
    assert first == pytest.approx(8000, abs=1600)
    assert last == pytest.approx(24000, abs=2500)
    assert math.isclose(loud_span(np.zeros(1000, np.float32))[1], 1000)
