"""Loads a model and runs it once, in a process of its own: what crashes there crashes nothing else.

`python -m edge.modelstore.trial NAME FOLDER` is that process; `tried` starts it.
"""

from __future__ import annotations

import contextlib
import math
import os
import pwd
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TIMEOUT_S = 120.0  # a Pi with a slow card imports for seconds
_CPU_S, _MEMORY = 60, 4 << 30
_SERVICE_USER = "emotion-edge"
_BEGAN, _GOOD = "began", "good"


def tried(name: str, folder: Path) -> str | None:
    """None if the service can use the model in `folder` as its `name`, else why not.

    Root tries as somebody with no rights at all: a model from elsewhere may be made to break what loads it.
    """
    user = _somebody() if os.geteuid() == 0 else None
    began, problem = _attempt(name, folder, user)
    if not began and user is not None:  # this installation is root's alone
        began, problem = _attempt(name, folder, None)
    return problem


def _attempt(name: str, folder: Path, user: tuple[int, int] | None) -> tuple[bool, str | None]:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # the way there may be closed to that user
    place = f"/proc/self/fd/{opened}"
    environment = {
        "PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    rights: dict[str, Any] = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-m", "edge.modelstore.trial", name, place],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S,
            check=False, cwd="/", env=environment, pass_fds=[opened], **rights,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True, f"it does not come to an end within {_TIMEOUT_S:.0f} s"
    except OSError as error:
        return False, f"it cannot be tried: {error.strerror}"
    finally:
        os.close(opened)
    said = done.stdout.splitlines()
    if said[-1:] == [_GOOD] and done.returncode == 0:
        return True, None
    if done.returncode < 0:
        return True, f"it crashes what loads it (signal {-done.returncode})"
    words = (said[1:] or done.stderr.splitlines() or ["it ends without a word"])[-1]
    return said[:1] == [_BEGAN], words.replace(place, str(folder))


def _somebody() -> tuple[int, int]:
    for name in (_SERVICE_USER, "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    return 65534, 65534


def _limit_self() -> None:
    """No file, no core, bounded time and memory."""
    for limit, most in (
        (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_AS, _MEMORY),
    ):  # fmt: skip
        with contextlib.suppress(OSError, ValueError):  # within the unit the call is forbidden and limits are set
            resource.setrlimit(limit, (most, most))


def _main(name: str, folder: Path) -> int:
    from edge.errors import EdgeError

    _limit_self()
    _say(_BEGAN)
    try:
        trial = {"finder": _finder, "face": _face, "speech": _speech, "fusion": _fusion}[name]
        trial(folder)
    except EdgeError as error:
        _say(" ".join(str(error).splitlines()))
        return 1
    except Exception as error:  # noqa: BLE001  whatever a strange model makes of us is a reason against it
        _say(f"it cannot be run: {type(error).__name__}: {' '.join(str(error).splitlines())}")
        return 1
    _say(_GOOD)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _finder(folder: Path) -> None:
    import numpy as np

    from edge.face.finder import SingleShot

    _same_preprocessing("finder", folder, ("side", "stride", "normalise"))
    find = SingleShot(0.01, folder=folder)
    random = np.random.default_rng(0)
    for picture in (np.zeros((64, 64)), np.full((64, 64), 255), random.integers(0, 256, (64, 64))):
        find.find(picture.astype(np.uint8))


def _face(folder: Path) -> None:
    import numpy as np

    from edge.face.classify import FaceClassifier

    _same_preprocessing("face", folder, ("normalise",))
    classifier = FaceClassifier(folder)
    if not (16 <= classifier.side <= 512 and 0.5 <= classifier.margin <= 4):
        _refuse(f"it wants crops of {classifier.side} pixels with margin {classifier.margin:g}")
    random = np.random.default_rng(0)
    for picture in (np.zeros((64, 64)), np.full((64, 64), 255), random.integers(0, 256, (64, 64))):
        _distribution(classifier.classify(picture.astype(np.uint8)))


def _speech(folder: Path) -> None:
    import numpy as np

    from edge.readings import SAMPLE_RATE
    from edge.speech.classifier import Classifier

    _same_preprocessing("speech", folder, ("window", "hop", "chunk", "fft", "mels", "features"))
    classifier = Classifier(folder)
    for sound in (np.zeros(SAMPLE_RATE), np.random.default_rng(0).normal(0, 0.3, SAMPLE_RATE)):
        classifier.begin()
        classifier.push(sound.astype(np.float32))
        said = classifier.probabilities(classifier.sums, {})
        if said is not None:
            _distribution(said)


def _fusion(folder: Path) -> None:
    from edge.emotion.fusion import learned_weights
    from edge.readings import LABELS

    weights = learned_weights(folder)
    if weights.labels != LABELS:
        _refuse(f"it has the labels {', '.join(weights.labels)}, not {', '.join(LABELS)}")
    if not all(math.isfinite(each) and 0 <= each <= 10 for each in (weights.face, weights.speech)):
        _refuse("its weights must lie between 0 and 10")


def _same_preprocessing(name: str, folder: Path, keys: tuple[str, ...]) -> None:
    """The service prepares its input in one way: a model made for another would answer, and be wrong."""
    from edge.device import resources
    from edge.inference import read_manifest

    ours: Mapping[str, Any] = read_manifest(resources.models() / name).preprocessing
    theirs = read_manifest(folder).preprocessing
    for key in keys:
        if ours.get(key) != theirs.get(key):
            _refuse(f"its preprocessing.{key} is {theirs.get(key)!r}; this version does {ours.get(key)!r}")


def _distribution(probabilities: tuple[float, ...]) -> None:
    if not all(math.isfinite(p) for p in probabilities) or abs(sum(probabilities) - 1) > 1e-3:
        _refuse("its answers are no probabilities")


def _refuse(why: str) -> None:
    from edge.errors import ModelError

    raise ModelError(why)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], Path(sys.argv[2])))
