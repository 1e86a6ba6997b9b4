"""What is shipped works without the checkout."""

from __future__ import annotations

import json
import re
import select
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from tests.helpers.broker import Broker, observing
from tests.helpers.told import state

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)],
        check=True, timeout=300,
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


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel and what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)], check=True, timeout=380
    )
    return python


def say(program: Path, *words: str | Path) -> str:
    """What it prints, started in the root folder."""
    done = subprocess.run([program, *words], cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(400)
def test_installed_in_an_empty_environment_it_is_used_from_the_root_folder(python: Path, tmp_path: Path) -> None:
    picture = tmp_path / "crop.png"
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8))
    command = python.parent / "emotion-edge"
    assert say(command, "--version").startswith("emotion-edge ")
    assert len(json.loads(say(command, "classify", "face", "--cropped", picture))["faces"]) == 1
    assert "camera" in say(command, "check", "--state", tmp_path / "state")
    place = say(python, "-c", "import edge.device.resources as r; print(r.models())")
    assert str(python.parents[1]) in place


def modules_after(python: Path, statement: str) -> set[str]:
    return set(say(python, "-c", f"{statement}; import sys; print(*sys.modules)").split())


@pytest.mark.timeout(400)
def test_what_is_not_used_is_not_imported(python: Path) -> None:
    assert not modules_after(python, "import edge") & {"numpy", "cv2", "msgspec", "paho", "asyncio"}
    assert not modules_after(python, "from edge import subscribe") & {"cv2", "ai_edge_litert"}
    assert not modules_after(python, "from edge import Face, Speech, Pipeline") & {"paho", "tensorflow", "torch"}
    assert "tensorflow" not in modules_after(python, "import edge.service.build")


@pytest.mark.timeout(400)
def test_the_examples_run_as_a_user_would_run_them(python: Path, video: Path, tmp_path: Path, broker: Broker) -> None:
    picture = tmp_path / "portrait.png"
    capture = cv2.VideoCapture(str(video))
    cv2.imwrite(str(picture), capture.read()[1])
    capture.release()
    assert re.match(r"\w+ \d+% at \d+,\d+, \d+ x \d+ pixels\n$", say(python, EXAMPLES / "picture.py", picture))
    assert re.search(r"s  \w+, 1 in view\n", say(python, EXAMPLES / "live.py", video))
    watching = subprocess.Popen(
        [python, EXAMPLES / "subscriber.py", "127.0.0.1", "hall", str(broker.port)],
        cwd="/", stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert watching.stdout is not None
        with observing(broker.port) as other:
            while not select.select([watching.stdout], [], [], 0.2)[0]:  # until it has subscribed
                other.send("emotion/hall/state", msgspec.json.encode(state("happy")))
        assert watching.stdout.readline() == "hall: happy 70%\n"
    finally:
        watching.kill()
        watching.communicate()


def test_there_are_three_examples() -> None:
    """Another one wants a try in the test above."""
    assert sorted(path.name for path in EXAMPLES.iterdir()) == ["live.py", "picture.py", "subscriber.py"]


@pytest.mark.timeout(400)
def test_it_is_typed(python: Path, tmp_path: Path) -> None:
    """mypy of these tests, reading the installed package: its types are known and say what they should."""
    user = tmp_path / "user.py"
    user.write_text(
        "import numpy as np\nfrom edge import Face, Pipeline\n"
        "label: str = Face().classify(np.zeros((9, 9), np.uint8))[0].label\n"
        "topic: str = Pipeline().tick(0.0)[0].topic\n"
        "wrong: int = Pipeline().tick(0.0)[0].topic\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--cache-dir", tmp_path, user],
        cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert errors[0].startswith("user.py:5:")
