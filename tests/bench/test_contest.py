"""Ours beside others: a real run on the sample scene, and a peer of the test's own in place of a heavy package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bench import contest
from edge.bench.media import sample_pictures
from edge.errors import EdgeError, MediaError

pytestmark = pytest.mark.slow

# What the package `fer` offers, as far as we use it: here the darker picture is the happier one.
STAND_IN = """
import numpy
class FER:
    def __init__(self, offsets=(10, 10)):
        self.offsets = offsets
    def detect_emotions(self, image, face_rectangles=None):
        if face_rectangles is None and image.mean() > 250:
            return []
        print("chatter on stdout")
        happy = 1 - image.mean() / 255
        names = ["angry", "disgust", "fear", "sad", "surprise"]
        rest = {name: 0.0 for name in names}
        box = face_rectangles[0] if face_rectangles else [0, 0, 9, 9]
        return [{"box": box, "emotions": {"happy": happy, "neutral": 1 - happy, **rest}}]
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `fer` that answers by the light of the picture."""
    package = tmp_path / "peers" / "fer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "fer.py").write_text(STAND_IN)
    information = tmp_path / "peers" / "fer-0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: fer\nVersion: 0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "peers"))


def grey_pictures(folder: Path, **lights: list[int]) -> Path:
    for name, values in lights.items():
        (folder / name).mkdir(parents=True)
        for number, light in enumerate(values):
            cv2.imwrite(str(folder / name / f"{number}.png"), np.full((48, 48), light, np.uint8))
    return folder


@pytest.mark.usefixtures("stand_in")
def test_labels_are_judged_and_chatter_is_no_answer(tmp_path: Path) -> None:
    folder = grey_pictures(tmp_path / "crops", happy=[10, 20, 200], neutral=[230, 240])
    shown = contest.pictures(folder, cropped=True)
    ours, theirs = contest.compare(shown, cropped=True, peer_python=None, core=0)
    assert (theirs.name, theirs.way, theirs.pictures, theirs.found) == ("fer 0", "given a crop", 5, 1.0)
    assert theirs.accuracy == pytest.approx(4 / 5)
    assert ours.name.startswith("Emotion Edge")
    assert 0 < ours.median_ms < theirs.start_s * 1000 + 1000


@pytest.mark.usefixtures("stand_in")
def test_smiles_are_judged_by_area_where_a_face_was_seen(tmp_path: Path) -> None:
    folder = grey_pictures(tmp_path / "photographs", smile=[10, 90, 253], none=[100, 60])
    shown = contest.pictures(folder, cropped=False)
    *_, theirs = [r for r in contest.compare(shown, cropped=False, peer_python=None, core=0) if r.way == "its own way"]
    assert theirs.found == pytest.approx(4 / 5)  # the one of 253 is too bright for it
    assert theirs.smile_area == pytest.approx(3 / 4)
    assert theirs.accuracy is None


def test_the_command_on_the_sample_scene(tmp_path: Path) -> None:
    sample_pictures(tmp_path, count=2)
    words = ["bench", "--compare", "--json", "--pictures", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "edge", *words], capture_output=True, text=True, check=True)
    results = json.loads(done.stdout)["results"]
    assert [result["way"] for result in results[:2]] == ["its own way", "given a box"]
    assert all(result["found"] == 1.0 for result in results[:2])


def test_wrong_folders_and_pythons_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no pictures"):
        contest.pictures(tmp_path, cropped=True)
    shown = [contest.Picture(tmp_path / "none.png", "happy", None)]
    with pytest.raises(EdgeError, match="no-such-python"):
        list(contest.compare(shown, cropped=True, peer_python=str(tmp_path / "no-such-python"), core=0))


def test_what_is_worse_is_named_beside_what_is_better() -> None:
    def result(name: str, way: str, ms: float, accuracy: float | None, megabytes: float) -> contest.Result:
        return contest.Result(name, way, 9, 1.0, accuracy, None, None, ms, ms, 0.2, megabytes)

    said = contest.verdicts(
        [
            result("ours", "its own way", 20.0, 0.7, 100.0),
            result("ours", "given a box", 1.2, 0.7, 100.0),
            result("theirs", "its own way", 60.0, 0.5, 700.0),
            result("theirs", "given a box", 0.6, None, 700.0),
        ]
    )
    assert said == [
        "its own way, against theirs: better in time a picture, memory, accuracy; worse in nothing",
        "given a box, against theirs: better in memory; worse in time a picture",
    ]
