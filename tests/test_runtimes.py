"""The whole service in the older runtime too: a board that has tflite-runtime needs nothing else."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow

WITHOUT_LITERT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "ai_edge_litert":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from edge.cli import main
from edge.inference import runtime_name
print(runtime_name(), file=sys.stderr)
sys.exit(main(sys.argv[1:]))
"""


def answer(code: list[str], *words: str | Path) -> tuple[dict[str, float], str]:
    done = subprocess.run(
        [sys.executable, *code, *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    found = line["faces"][0]["probabilities"] if "faces" in line else line["probabilities"]
    return found, done.stderr


@pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is None,
    reason="tflite-runtime is not installed beside ai-edge-litert (there is none above Python 3.11)",
)
def test_both_runtimes_give_the_same_answer(tmp_path: Path) -> None:
    picture = tmp_path / "crop.png"
    random = np.random.default_rng(0)
    cv2.imwrite(str(picture), cv2.GaussianBlur(random.integers(0, 255, (48, 48), dtype=np.uint8), (9, 9), 0))
    words = ("classify", "face", "--cropped", picture)
    litert, _ = answer(["-m", "edge"], *words)
    older, said = answer(["-c", WITHOUT_LITERT], *words)
    assert said.startswith("tflite_runtime")
    assert older == pytest.approx(litert, abs=0.05)


def test_no_runtime_at_all_says_what_to_install(tmp_path: Path) -> None:
    picture = tmp_path / "crop.png"
    cv2.imwrite(str(picture), np.zeros((48, 48), np.uint8))
    without = WITHOUT_LITERT.replace('== "ai_edge_litert"', 'in ("ai_edge_litert", "tflite_runtime")').replace(
        "print(runtime_name(), file=sys.stderr)\n", ""
    )
    done = subprocess.run(
        [sys.executable, "-c", without, "classify", "face", "--cropped", str(picture)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no TFLite runtime is installed: pip install ai-edge-litert" in done.stderr
    assert "Traceback" not in done.stderr
