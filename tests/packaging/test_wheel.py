"""What is shipped works without the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)],
        check=True, timeout=120,
    )  # fmt: skip
    (built,) = folder.glob("emotion_edge-*.whl")
    return built


def test_the_wheel_carries_models_config_and_schemas_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    models = [*ROOT.glob("models/*/manifest.json"), *ROOT.glob("models/*/*.tflite")]
    assert len(models) >= 5
    needed = [str(path.relative_to(ROOT)) for path in models]
    for name in (*needed, "firmware_config/default.toml", "firmware_config/schema/reading.json"):
        assert f"edge/_shipped/{name}" in names
    assert not [name for name in names if name.startswith("edge/_shipped/models") and name.endswith((".py", ".png"))]
    top = {name.split("/")[0] for name in names}
    assert top == {"edge", wheel.name.rsplit("-", 3)[0] + ".dist-info"}
    assert wheel.stat().st_size < 5_000_000


@pytest.mark.timeout(300)
def test_installed_in_an_empty_environment_it_is_used_from_the_root_folder(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)], check=True, timeout=280
    )
    picture = tmp_path / "crop.png"
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8))
    command = tmp_path / "venv" / "bin" / "emotion-edge"

    def use(*words: str) -> str:
        done = subprocess.run([command, *words], cwd="/", capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert use("--version").startswith("emotion-edge ")
    assert len(json.loads(use("classify", "face", "--cropped", str(picture)))["faces"]) == 1
    assert "camera" in use("check", "--state", str(tmp_path / "state"))
    place = subprocess.run(
        [python, "-c", "import edge.device.resources as r; print(r.models())"],
        cwd="/", capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert str(tmp_path / "venv") in place
    imported = subprocess.run(
        [python, "-X", "importtime", "-c", "import edge.service.build"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert "tensorflow" not in imported
