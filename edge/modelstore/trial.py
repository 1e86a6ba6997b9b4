"""Loads a model and runs it once, in a process of its own: what crashes there crashes nothing else.

`python -m edge.modelstore.trial NAME FOLDER` is that process; `tried` starts it. Started by root it first runs the
shipped model, which loads every library that is needed, then gives up all rights, and only then looks at FOLDER: a
model from elsewhere may be made to break what loads it, and is never run as root.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import pwd
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.printable import printable

_TIMEOUT_S = 120.0  # a Pi with a slow card imports for seconds
_CPU_S, _MEMORY = 60, 4 << 30
_NOBODY = 65534
_GOOD = "good"


def tried(name: str, folder: Path) -> str | None:
    """None if the service can use the model in `folder` as its `name`, else why not."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # the way there may be closed to a process without rights
    place = f"/proc/self/fd/{opened}"
    environment = {
        "PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-m", "edge.modelstore.trial", name, place],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S,
            check=False, cwd="/", env=environment, pass_fds=[opened],
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it does not finish within {_TIMEOUT_S:.0f} s"
    except OSError as error:
        return f"it cannot be tried: {error.filename}: {error.strerror}"
    finally:
        os.close(opened)
    said = done.stdout.splitlines()
    if said[-1:] == [_GOOD] and done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"it crashes what loads it (signal {-done.returncode})"
    words = (said or done.stderr.splitlines() or [f"it ends with status {done.returncode}"])[-1]
    return printable(words.replace(place, str(folder)))


def _give_up_rights() -> None:
    """Become nobody, for good; OSError if that cannot be done."""
    uid = gid = _NOBODY
    with contextlib.suppress(KeyError):
        found = pwd.getpwnam("nobody")
        uid, gid = found.pw_uid, found.pw_gid
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if 0 in (*os.getresuid(), *os.getresgid(), *os.getgroups()):
        raise PermissionError("some rights are left")


def _limit_self() -> None:
    """No file, no core, bounded time and memory."""
    for limit, most in (
        (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_AS, _MEMORY),
    ):  # fmt: skip
        with contextlib.suppress(OSError, ValueError):  # within the unit the call is forbidden and limits are set
            resource.setrlimit(limit, (most, most))


def _main(name: str, folder: Path) -> int:
    from edge.device import resources
    from edge.errors import EdgeError

    trial = {"finder": _finder, "face": _face, "speech": _speech, "text": _text, "fusion": _fusion}[name]
    _limit_self()
    if os.geteuid() == 0:
        try:
            trial(resources.models() / name)
            _give_up_rights()
        except Exception as error:  # noqa: BLE001  without this there is no trial, whatever the reason
            _say(f"it was not tried, because an untrusted model is never run as root: {_line(error)}")
            return 1
    try:
        trial(folder)
    except EdgeError as error:
        _say(_line(error))
        return 1
    except Exception as error:  # noqa: BLE001  whatever a strange model makes of us is a reason against it
        _say(f"it cannot be run: {type(error).__name__}: {_line(error)}")
        return 1
    _say(_GOOD)
    return 0


def _line(error: Exception) -> str:
    return " ".join(str(error).splitlines()) or type(error).__name__


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

    _same_preprocessing("speech", folder, ("window", "hop", "chunk", "fft", "mels", "features", "bands"))
    classifier = Classifier(folder)
    for sound in (np.zeros(SAMPLE_RATE), np.random.default_rng(0).normal(0, 0.3, SAMPLE_RATE)):
        classifier.reset()
        classifier.push(sound.astype(np.float32))
        said = classifier.probabilities(classifier.sums, {})
        if said is not None:
            _distribution(said)


def _text(folder: Path) -> None:
    from edge.text.classifier import TextClassifier

    classifier = TextClassifier(folder)
    for text in ("I am so happy!", "\u00fc \U0001f600 x", "word " * 300):
        said = classifier.classify(text)
        if said is not None:
            _distribution(said.probabilities)


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
    from edge.inference import read_manifest

    ours = _shipped_preprocessing(name)
    theirs = read_manifest(folder).preprocessing
    for key in keys:
        if ours.get(key) != theirs.get(key):
            _refuse(f"its preprocessing.{key} is {theirs.get(key)!r}; this version does {ours.get(key)!r}")


@functools.cache  # read before the rights to read it are given up
def _shipped_preprocessing(name: str) -> Mapping[str, Any]:
    from edge.device import resources
    from edge.inference import read_manifest

    return read_manifest(resources.models() / name).preprocessing


def _distribution(probabilities: tuple[float, ...]) -> None:
    if not all(math.isfinite(p) for p in probabilities) or abs(sum(probabilities) - 1) > 1e-3:
        _refuse("its answers are no probabilities")


def _refuse(why: str) -> None:
    from edge.errors import ModelError

    raise ModelError(why)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], Path(sys.argv[2])))
