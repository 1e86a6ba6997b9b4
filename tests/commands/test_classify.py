"""`classify --why`: the runner-up, and what is wrong with what was judged."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge.readings import LABELS, SAMPLE_RATE

Run = Callable[..., tuple[int, str, str]]


def test_why_a_face_is_what_it_is(run: Run, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "dark.png"), noise // 32)
    cv2.imwrite(str(tmp_path / "sharp.png"), noise)
    status, out, _ = run("classify", "face", "--cropped", "--why", tmp_path)
    assert status == 0
    dark, sharp = (json.loads(line)["faces"][0] for line in out.splitlines())
    for face in (dark, sharp):
        ranked = sorted(face["probabilities"], key=face["probabilities"].get, reverse=True)
        assert [face["why"]["label"], face["why"]["second"]] == ranked[:2]
        assert face["because"].startswith(ranked[0])
        assert set(face["why"]["quality"]) == {"size", "sharpness", "light"}
    assert "too dark" in dark["because"]
    assert "doubtful" not in sharp["because"]
    _, plain, _ = run("classify", "face", "--cropped", tmp_path)
    assert "because" not in plain


def test_why_a_voice_is_what_it_is(run: Run, tmp_path: Path, audio: Path) -> None:
    with wave.open(str(tmp_path / "silent.wav"), "wb") as silent:
        silent.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        silent.writeframes(bytes(2 * SAMPLE_RATE))
    status, out, _ = run("classify", "speech", "--why", audio, tmp_path / "silent.wav")
    assert status == 0
    heard, nothing = (json.loads(line) for line in out.splitlines())
    assert heard["why"]["label"] in LABELS
    assert heard["why"]["second"] in heard["because"]
    assert nothing["why"] is None
    assert "no voice" in nothing["because"]


def test_why_a_sentence_is_what_it_is(run: Run) -> None:
    status, out, _ = run("classify", "text", "--why", "I am so happy about this!", "the meeting is at ten", "...")
    assert status == 0
    glad, plain, nothing = (json.loads(line) for line in out.splitlines())
    assert glad["why"]["label"] == "happy"
    assert glad["because"].startswith("happy at ")
    assert "clearly" not in glad["because"]
    assert plain["because"].endswith("claims no feeling clearly")
    assert nothing["why"] is None


def test_a_folder_with_nothing_to_classify_is_told_and_not_passed_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    status, out, err = run("classify", "face", tmp_path)
    assert status == 1
    assert out == ""
    assert "nothing to classify in this folder" in err
