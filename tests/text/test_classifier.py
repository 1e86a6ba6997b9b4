"""The shipped text model: what it claims, and what it does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from edge import Text
from edge.device import resources
from edge.errors import ModelError
from edge.readings import LABELS
from edge.text.classifier import TextClassifier, claim


@pytest.fixture(scope="module")
def classifier() -> TextClassifier:
    return TextClassifier()


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "\u200b\n"])
def test_a_text_without_a_word_says_nothing(classifier: TextClassifier, text: str) -> None:
    assert classifier.classify(text) is None


@pytest.mark.parametrize(
    "text", ["Turn on the light in the kitchen.", "Mach bitte das Licht an.", "It is four o'clock."]
)
def test_a_neutral_text_claims_no_feeling(classifier: TextClassifier, text: str) -> None:
    judged = classifier.classify(text)
    assert judged is None or not judged.claims


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I am so happy, this is wonderful!", "happy"),
        ("I miss him so much, I could cry.", "sad"),
        ("How dare you, get out of here!", "angry"),
        ("I'm scared, I'm really afraid of the dark.", "fearful"),
        ("That is disgusting.", "disgusted"),
        ("Oh my God! What? I can't believe it!", "surprised"),
    ],
)
def test_a_clear_feeling_is_found(classifier: TextClassifier, text: str, label: str) -> None:
    judged = classifier.classify(text)
    assert judged is not None
    assert LABELS[judged.probabilities.index(max(judged.probabilities))] == label
    assert judged.claims
    assert sum(judged.probabilities) == pytest.approx(1.0)


def test_a_long_text_is_read_to_its_end(classifier: TextClassifier) -> None:
    plain = "we go to the shop and then we go home. " * 10
    judged = classifier.classify(plain)
    other = classifier.classify(plain + "I hate you, you make me so angry! " * 10)
    angry = LABELS.index("angry")
    assert judged is not None
    assert other is not None
    assert other.probabilities[angry] > 2 * judged.probabilities[angry]


def test_the_quality_is_the_lead_over_neutral_and_doubt() -> None:
    assert claim((0.5, 0.4, 0.1, 0, 0, 0, 0)) == 0.0
    assert claim((0.1, 0.3, 0.3, 0.3, 0, 0, 0)) == 0.0
    assert claim((0.0, 1.0, 0, 0, 0, 0, 0)) == 1.0
    assert claim((0.5, 0.6, 0, 0, 0, 0, 0)) < claim((0.1, 0.6, 0, 0, 0, 0, 0))


def test_the_library_answers_by_label() -> None:
    found = Text().classify("I am so happy!")
    assert found is not None
    assert found.label == "happy"
    assert found.valence > 0


@pytest.mark.parametrize("change", [{"labels": ["happy"]}, {"preprocessing": {}}, {"preprocessing": {"pieces": "a b"}}])
def test_a_strange_manifest_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    folder = tmp_path / "text"
    shutil.copytree(resources.models() / "text", folder, ignore=shutil.ignore_patterns("*.py", "*.png"))
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(msgspec.json.encode({**manifest, **change}))
    with pytest.raises(ModelError):
        TextClassifier(folder)
