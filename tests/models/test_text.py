"""The text recipe on tiny data: which sentences are for what, and that a few steps teach something."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from edge.readings import LABELS
from edge.text.pieces import normalised
from models.text.corpora import CORPORA, LANGUAGES, Sentence, sentences
from models.text.measure import SAY_NOTHING
from models.text.plain import plain
from models.text.scores import f1_scores, scored


def written(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    with gzip.open(folder / f"{name}.csv.gz", "wt", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_which_sentences_are_for_what(tmp_path: Path) -> None:
    meld = {"dialogue": "1", "episode": "s01e01"}
    written(tmp_path, "meld", [
        {"text": "You made me very happy.", "label": "joy", "split": "dev", **meld},
        {"text": "Ok.", "label": "neutral", "split": "dev", **meld},
        {"text": "You made me very happy.", "label": "joy", "split": "train", **meld, "episode": "s02e02"},
        {"text": "OK.", "label": "neutral", "split": "train", **meld, "episode": "s02e02"},
    ])  # fmt: skip
    emory = {"dialogue": "2", "in_meld_test": "0", "episode": "s03e03", "split": "train"}
    written(tmp_path, "emorynlp", [
        {"text": "Kept, and partly labelled.", "label": "peaceful", **emory},
        {"text": "Of an episode of MELD's dev part.", "label": "mad", **emory, "episode": "s01e01"},
        {"text": "Of MELD's test part.", "label": "mad", **emory, "in_meld_test": "1"},
        {"text": "A label that is none of ours.", "label": "powerful", **emory},
    ])  # fmt: skip
    xed = {"split": "train", "kind": "annotated"}
    written(tmp_path, "xed", [
        {"text": "Nein!", "label": "anger|anticipation|disgust", **xed, "lang": "de"},
        {"text": "Ei!", "label": "anger", **xed, "lang": "fi"},
    ])  # fmt: skip
    found = {(one.corpus, one.text): one for one in sentences(tmp_path) if one.corpus != "plain"}
    assert set(found) == {
        ("meld", "you made me very happy."), ("meld", "ok."),  # the longer one is not learned, since it is reported on
        ("emorynlp", "kept, and partly labelled."), ("xed_projected", "nein!"),
    }  # fmt: skip
    assert found["meld", "you made me very happy."].share == "report"
    assert found["emorynlp", "kept, and partly labelled."].labels == {"neutral", "happy"}
    assert found["xed_projected", "nein!"].labels == {"angry", "disgusted"}
    assert found["xed_projected", "nein!"].language == "de"


def test_picked_dialogues_are_a_corpus_of_their_own_and_a_translation_knows_its_original(tmp_path: Path) -> None:
    rows = [
        {"text": "Whole .", "label": "neutral", "split": "dev", "dialogue": "dev_1", "turn": "0"},
        {"text": "Picked .", "label": "anger", "split": "train", "dialogue": "train_1", "turn": "0"},
        {"text": "Reported .", "label": "anger", "split": "test", "dialogue": "test_1", "turn": "0"},
    ]
    written(tmp_path, "dailydialog", rows)
    written(tmp_path, "dailydialog_multi", [rows[0] | {"text": "Ganz.", "lang": "de", "split": "train"}])
    found = {one.text: one for one in sentences(tmp_path) if one.corpus != "plain"}
    corpora = {text: one.corpus for text, one in found.items()}
    whole = {"whole .": "dailydialog", "reported .": "dailydialog", "ganz.": "dailydialog_multi"}
    assert corpora == {**whole, "picked .": "dailydialog_picked"}
    assert found["ganz."].english == "whole ."
    assert found["picked ."].english == "picked ."


def test_what_is_said_in_parts_and_before_is_there_without_a_label(tmp_path: Path) -> None:
    talk = {"label": "joy", "dialogue": "1", "episode": "s02e02"}
    written(tmp_path, "meld", [
        {"text": "It is you! Come right in. Oh!", "split": "train", **talk},
        {"text": "Come back here. Come right in.", "split": "dev", **talk, "episode": "s01e01"},
    ])  # fmt: skip
    before = {"text": "yes", "label": "happy", "turn1": "do you like it", "turn2": "Come back here. Come right in."}
    written(tmp_path, "emocontext", [before | {"split": "train"}, before | {"split": "test", "turn1": "not for us"}])
    found = [one for one in sentences(tmp_path) if one.corpus == "unlabelled"]
    assert {one.text for one in found} == {"it is you!", "come right in.", "do you like it"}  # nothing that is reported
    assert all(one.share == "learn" and one.labels == set(LABELS) for one in found)


def test_plain_sentences_say_the_same_in_every_language_and_none_that_is_judged_is_among_them() -> None:
    found = list(plain())
    assert len({one for texts in found for one in texts}) == len(found) * len(LANGUAGES)
    assert all(len(texts) == len(LANGUAGES) and "{" not in "".join(texts) for texts in found)
    assert not {normalised(text) for text in SAY_NOTHING} & {normalised(one) for texts in found for one in texts}


def test_every_meaning_is_a_label_of_ours() -> None:
    assert all(corpus.labels <= set(LABELS) for corpus in CORPORA.values())


def test_subtitles_that_labels_were_carried_over_to_are_no_evidence_against_neutral(tmp_path: Path) -> None:
    row = {"text": "Oh!", "label": "surprise", "split": "train", "kind": "projected"}
    written(tmp_path, "xed", [row | {"lang": "fr"}, row | {"lang": "en", "text": "Ah!", "kind": "annotated"}])
    found = {one.text: one for one in sentences(tmp_path) if one.corpus != "plain"}
    assert "neutral" not in CORPORA[found["oh!"].corpus].labels
    assert "neutral" in CORPORA[found["ah!"].corpus].labels
    assert found["oh!"].language == "fr"


def test_f1_by_hand() -> None:
    truth = np.zeros((4, len(LABELS)), bool)
    truth[[0, 1, 2, 3], [0, 0, 1, 2]] = True
    truth[2, 3] = True  # also angry
    known = np.ones(len(LABELS), bool)
    found = f1_scores(truth, np.array([0, 1, 1, 0]), known)
    each = [2 * 1 / (2 + 2), 2 * 1 / (1 + 2), 0.0, 0.0, 0.0, 0.0, 0.0]
    assert found["macro_f1"] == pytest.approx(sum(each) / 7)
    assert found["macro_f1_feelings"] == pytest.approx(sum(each[1:]) / 6)
    assert found["weighted_f1"] == pytest.approx((2 * each[0] + each[1]) / 5)
    assert found["accuracy"] == pytest.approx(0.5)


def test_labels_that_a_corpus_does_not_have_are_not_guessed() -> None:
    one = Sentence("boo", "emocontext", "en", "report", frozenset(("sad",)))
    logits = np.zeros((1, len(LABELS)))
    logits[0, LABELS.index("sad")] = 1.0
    assert scored([one], logits)["accuracy"] == 1.0
    two = Sentence("boo", "carer", "en", "report", frozenset(("sad",)))
    logits[0, LABELS.index("disgusted")] = 2.0  # CARER knows no disgust
    assert scored([two], logits)["accuracy"] == 1.0
