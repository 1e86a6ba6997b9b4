"""The text recipe on tiny data: a few steps teach something. Runs where PyTorch is installed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edge.readings import LABELS  # noqa: E402
from edge.text.pieces import BYTES, SPACE, Pieces  # noqa: E402
from models.text.copies import changed, copies, likenesses  # noqa: E402
from models.text.corpora import CORPORA, Sentence  # noqa: E402
from models.text.dataset import LESSON, NEVER, SEEN, batches, padded, priors_of, task_of  # noqa: E402
from models.text.fit import fit, logits_of  # noqa: E402
from models.text.minilm import safetensors  # noqa: E402
from models.text.mpnet import MPNet, classes  # noqa: E402
from models.text.network import Network  # noqa: E402
from models.text.recipe import STEPS, Recipe  # noqa: E402
from models.text.scores import scored  # noqa: E402
from models.text.teacher import Fitting, Teaching, answers, fitted  # noqa: E402
from models.text.vocabulary import vocabulary  # noqa: E402

WORDS = {"happy": "lovely", "sad": "alas", "angry": "damn", "neutral": "table"}
SMALL = replace(
    Recipe(),
    dimensions=4,
    channels=12,
    units=6,
    epochs=8,
    batch=16,
    rate=0.02,
    dropout=0.0,
    lost=0.0,
    lesson_epochs=0,
    last_epochs=0,
)


def no_lessons() -> np.ndarray:  # type: ignore[type-arg]
    raise AssertionError("nothing was to be learned from a teacher")


def tiny(count: int = 320) -> list[Sentence]:
    """Sentences whose label one word gives away."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(count):
        label = str(draw.choice(list(WORDS)))
        text = " ".join(draw.permutation(["the", "it", "so", "on", WORDS[label]]))
        found.append(Sentence(text, "meld", "en", "learn", frozenset((label,)), text))
    return found


def small_vocabulary(chosen: list[Sentence]) -> tuple[str, ...]:
    known = {piece: np.random.default_rng(n).normal(size=8).astype(np.float32) for n, piece in enumerate(BYTES)}
    known |= {letter: np.full(8, n, np.float32) for n, letter in enumerate(f"abcdefghijklmnopqrstuvwxyz{SPACE}")}

    def meaning(texts: object) -> np.ndarray:  # type: ignore[type-arg]
        return np.random.default_rng(0).normal(size=(len(list(texts)), 5)).astype(np.float32)  # type: ignore[call-overload]

    found = vocabulary([one.text for one in chosen], known, meaning, 400, 4)
    assert found.embeddings.shape == (len(found.pieces), 4)
    assert f"{SPACE}lovely" in found.pieces  # said often: a piece of its own
    return found.pieces


def test_a_few_steps_teach_what_words_mean(tmp_path: Path) -> None:
    chosen = tiny()
    pieces = small_vocabulary(chosen)
    task = task_of(chosen, Pieces(pieces), pieces)
    embeddings = np.random.default_rng(1).normal(size=(len(pieces), 4)).astype(np.float32)
    losses: list[float] = []

    def fitted_again(found: list[float]) -> Network:
        def report(_: int, loss: float, __: Network) -> None:
            found.append(loss)

        return fit(task, embeddings, SMALL, 0, folder=tmp_path, report=report, lessons=no_lessons)

    net = fitted_again(losses)
    assert losses[-1] < losses[0]
    # The averaged weights lag behind so few steps; the last ones are in the checkpoint.
    net.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["net"])
    assert scored(chosen, logits_of(net, task.ids))["accuracy"] > 0.9
    again: list[float] = []
    fitted_again(again)
    assert again == []  # all epochs were done before


def test_a_teacher_says_what_no_label_does(tmp_path: Path) -> None:
    chosen = tiny()
    pieces = small_vocabulary(chosen)
    unlabelled = [replace(one, corpus="unlabelled", labels=frozenset(LABELS)) for one in chosen]
    task = task_of(unlabelled, Pieces(pieces), pieces)
    lessons = np.full((len(chosen), len(LABELS)), -3.0, np.float32)
    for row, one in enumerate(chosen):
        lessons[row, LABELS.index(next(iter(one.labels)))] = 3.0
    lessons[0] = np.nan  # of this one it knows nothing
    embeddings = np.random.default_rng(1).normal(size=(len(pieces), 4)).astype(np.float32)
    recipe = replace(SMALL, epochs=0, lesson_epochs=12, lesson_rate=0.03, last_epochs=1, last_share=0.25)
    shipped = fit(task, embeddings, recipe, 0, folder=tmp_path, report=lambda *_: None, lessons=lambda: lessons)
    before, after = (
        torch.load(tmp_path / f"{name}.pt", weights_only=True)["average"]["shared.bias"] for name in ("lessons", "last")
    )
    assert torch.allclose(shipped.shared.bias, torch.lerp(before, after, 0.25))
    assert not torch.equal(before, after)
    net = Network(embeddings, len(CORPORA), recipe)
    net.load_state_dict(torch.load(tmp_path / "lessons.pt", weights_only=True)["net"])
    assert scored(chosen, logits_of(net, task.ids, list(CORPORA).index("meld")))["accuracy"] > 0.9


def test_the_teacher_learns_goes_on_where_it_was_and_answers_what_is_english(tmp_path: Path) -> None:
    chosen = [*tiny(80), Sentence("tja", "meld", "de", "learn", frozenset(("sad",)))]
    pieces = small_vocabulary(chosen)
    task = task_of(chosen, Pieces(pieces), pieces)
    teaching = replace(Teaching(), rates=(1e-3,), epochs=4, batch=8, head_rate=0.05, dropout=0.0, lost=0.0)
    fitting = Fitting(chosen, task, tiny_encoder(), teaching)
    path = tmp_path / "teacher.pt"
    teacher = fitted(fitting, path)
    found = answers([teacher], [one.english for one in chosen], fitting.encoder)
    assert np.isnan(found[-1]).all()
    assert scored(chosen[:-1], found[:-1])["accuracy"] > 0.9
    kept = path.read_bytes()
    again = fitted(fitting, path)
    assert path.read_bytes() == kept  # all epochs were done before
    one, two = (answers(some, ["it is lovely"], fitting.encoder) for some in ([teacher], [again, teacher]))
    assert one == pytest.approx(two, abs=1e-5)  # the mean of two that say the same


WIDTH = 24


def tiny_encoder() -> MPNet:
    """As deep as the real one and far narrower, with weights by chance."""
    draw = torch.Generator().manual_seed(0)
    words = ["<s>", "<pad>", "</s>", "[UNK]", "the", "it", "so", "on", *WORDS.values()]
    weights = {
        "embeddings.word_embeddings.weight": torch.randn(len(words), WIDTH, generator=draw),
        "embeddings.position_embeddings.weight": torch.zeros(130, WIDTH),
        "encoder.relative_attention_bias.weight": torch.zeros(32, 12),
    }
    for number in range(12):
        layer = f"encoder.layer.{number}"
        dense = {f"attention.attn.{name}": (WIDTH, WIDTH) for name in "qkvo"}
        dense |= {"intermediate.dense": (64, WIDTH), "output.dense": (WIDTH, 64)}
        for name, shape in dense.items():
            weights[f"{layer}.{name}.weight"] = torch.randn(shape, generator=draw) * 0.02
            weights[f"{layer}.{name}.bias"] = torch.zeros(shape[0])
        for name in ("attention.LayerNorm", "output.LayerNorm"):
            weights[f"{layer}.{name}.weight"], weights[f"{layer}.{name}.bias"] = torch.ones(WIDTH), torch.zeros(WIDTH)
    weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"] = torch.ones(WIDTH), torch.zeros(WIDTH)
    return MPNet(weights, {word: number for number, word in enumerate(words)})


def test_a_short_text_means_the_same_to_the_encoder_beside_a_long_one() -> None:
    encoder = tiny_encoder()
    encoder.weights["encoder.relative_attention_bias.weight"].normal_(generator=torch.Generator().manual_seed(1))
    alone, beside = encoder(["it is lovely"]), encoder(["it is lovely", "the table is so so so so on"])[:1]
    assert alone == pytest.approx(beside, abs=1e-5)
    assert encoder(["it lovely is"]) != pytest.approx(alone, abs=1e-3)  # the order of words counts


def test_near_distances_are_exact_and_far_ones_are_classed_by_their_logarithm() -> None:
    assert classes(torch.tensor([0, -3, 3, -7, 7])).tolist() == [0, 3, 19, 7, 23]
    assert classes(torch.tensor([-8, -11, -12, -127, -5000])).tolist() == [8, 8, 9, 15, 15]


def test_a_copy_is_changed_and_nothing_is_known_of_it_but_its_corpus() -> None:
    pieces = [f"{SPACE}good", f"{SPACE}fine", f"{SPACE}chair", "."]
    embeddings = np.array([[1.0, 0.1], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
    like = likenesses(pieces, embeddings)
    assert like[f"{SPACE}good"][0] == f"{SPACE}fine"
    assert f"{SPACE}good" not in like[f"{SPACE}good"]
    chosen = [
        Sentence(f"a good chair it is, number {n}.", "meld", "en", "learn", frozenset(("happy",))) for n in range(9)
    ]
    chosen.append(Sentence("ein stuhl.", "xed_projected", "de", "learn", frozenset(("happy",))))
    found = copies(chosen, pieces, embeddings)
    texts = [one.text for one in found]
    assert len(texts) == len(set(texts)) > 20
    assert not {one.text for one in chosen} & set(texts)
    assert all(one.corpus == "meld" and one.labels == set(LABELS) and one.english == one.text for one in found)
    assert any("fine" in text for text in texts)
    assert found == copies(chosen, pieces, embeddings)


def test_a_copy_may_go_on_with_the_next_sentence() -> None:
    draw = np.random.default_rng(0)
    said, following = [f"{SPACE}one", f"{SPACE}two"], [f"{SPACE}three"]
    assert any(f"{SPACE}three" in changed(said, following, {}, draw) for _ in range(40))


def test_copies_are_no_part_of_the_priors_and_as_many_as_asked_for() -> None:
    chosen = tiny(40)
    pieces = small_vocabulary(tiny())
    more = [replace(one, labels=frozenset(LABELS)) for one in tiny(400)]
    alone, beside = (task_of(chosen, Pieces(pieces), pieces, some) for some in ((), more))
    assert (alone.priors == beside.priors).all()
    assert beside.seen(SEEN).sum() == pytest.approx(40)
    assert beside.seen(LESSON, copies=2.0).sum() == pytest.approx(120)
    assert beside.seen(LESSON, copies=50.0)[40:].tolist() == [1.0] * 400  # never more than there are


def test_a_sentence_gives_the_same_alone_and_padded() -> None:
    torch.manual_seed(0)
    net = Network(np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32), len(CORPORA), SMALL).eval()
    ids = np.arange(7, dtype=np.int32)
    with torch.inference_mode():
        short = net(torch.from_numpy(padded([ids]))).numpy()
    assert logits_of(net, [ids, np.arange(20, dtype=np.int32)])[0] == pytest.approx(short[0], abs=1e-5)


def test_the_priors_are_what_a_corpus_has_and_sets_are_shared_out() -> None:
    truth = np.zeros((8, len(LABELS)), bool)
    truth[:6, 0] = truth[6:, 1] = True
    rows = priors_of(truth, np.zeros(8, np.int64))
    shares = np.exp(rows[0])
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] == pytest.approx(7 / 15)
    truth[:, :2] = True
    both = np.exp(priors_of(truth, np.zeros(8, np.int64))[0])
    assert both[0] == pytest.approx(both[1])
    assert (rows[list(CORPORA).index("xed")] == NEVER).all()  # nothing of it was there


def test_an_epoch_has_every_sentence_of_a_corpus_once() -> None:
    chosen = tiny(50)
    pieces = small_vocabulary(chosen)
    task = task_of(chosen, Pieces(pieces), pieces)
    rows = np.concatenate([rows for rows, _ in batches(task, SMALL, np.random.default_rng(0), task.seen(SEEN))])
    assert sorted(rows) == list(range(50))
    for some, ids in batches(task, replace(SMALL, unmarked=0.0), np.random.default_rng(0), task.seen(SEEN)):
        assert ids.shape[1] <= STEPS
        assert ids.shape[1] % 2 == 0
        assert (ids == padded([task.ids[row] for row in some])).all()


def test_pieces_are_lost_and_marks_left_out_and_what_stays_keeps_its_order() -> None:
    texts = ["so it is, so it is!", "it is the table; the table it is.", "on and on and on " * 30, "!!!"]
    chosen = [Sentence(text, "meld", "en", "learn", frozenset(("happy",))) for text in texts]
    pieces = small_vocabulary(tiny())
    task = task_of(chosen, Pieces(pieces), pieces)
    recipe = replace(SMALL, unmarked=1.0, lost=0.3)
    for number in range(20):
        for rows, ids in batches(task, recipe, np.random.default_rng(number), task.seen(SEEN)):
            for row, some in zip(rows, ids, strict=True):
                kept, whole = [one for one in some if one >= 0], task.ids[row]
                assert (some[len(kept) :] == -1).all()
                assert 0 < len(kept) <= STEPS
                at = iter(whole)
                assert all(one in at for one in kept)  # a part of it, in its order
                assert row == 3 or not task.marks[kept].any()  # a text of marks alone keeps them


def test_safetensors_are_read() -> None:
    shapes = {"a": ("F32", [2, 1], [0, 8]), "n": ("I64", [1], [8, 16])}
    keys = ("dtype", "shape", "data_offsets")
    head = json.dumps({name: dict(zip(keys, one, strict=True)) for name, one in shapes.items()}).encode()
    values = np.array([1.5, -2.0], np.float32).tobytes()
    found = safetensors(len(head).to_bytes(8, "little") + head + values + bytes(8))
    assert {name: one.tolist() for name, one in found.items()} == {"a": [[1.5], [-2.0]]}
