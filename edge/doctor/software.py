"""The runtime and the models: does a process like the service's load and run them?"""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
from collections.abc import Iterator

from edge.device.paths import model_store
from edge.doctor.findings import Finding, Subject
from edge.emotion.fusion import learned_weights
from edge.errors import EdgeError
from edge.inference import Model
from edge.modelstore.store import NAMES, choose

_TRY_S = 60.0
# In a process of its own: a runtime built for another numpy does not raise, it crashes.
_TRIAL = """
import cv2, numpy
from edge.inference import runtime_name
from edge.face.classify import FaceClassifier
FaceClassifier().classify(numpy.zeros((48, 48), numpy.uint8))
print(runtime_name(), numpy.__version__, cv2.__version__)
"""


def runtime(subject: Subject) -> Iterator[Finding]:
    """NumPy, OpenCV and the TFLite runtime together."""
    if subject.statuses is not None:
        yield Finding("runtime", "green", "in use by the running service")
        return
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL], capture_output=True, text=True, timeout=_TRY_S, check=False
        )
    except subprocess.TimeoutExpired:
        yield Finding("runtime", "red", f"loading a model took longer than {_TRY_S:.0f} s", "is the disk failing?")
        return
    if trial.returncode == 0:
        name, numpy, cv2 = trial.stdout.split()[-3:]
        yield Finding("runtime", "green", f"{name}, numpy {numpy}, OpenCV {cv2}, Python {platform.python_version()}")
        return
    last = (trial.stderr.strip().splitlines() or ["no message"])[-1]
    abi = "numpy" in trial.stderr.lower() and any(word in trial.stderr for word in ("_ARRAY_API", "multiarray", "1.x"))
    if trial.returncode < 0 or abi:
        died = f"crashed ({signal.Signals(-trial.returncode).name})" if trial.returncode < 0 else last
        remedy = (
            "pip install 'numpy<2' for tflite-runtime, or ai-edge-litert instead of it; or run scripts/install again"
        )
        yield Finding("runtime", "red", f"the TFLite runtime and numpy are incompatible: {died}", remedy)
    elif "ModelError" in trial.stderr:
        yield Finding("runtime", "green", "loads; the problem is the model, see models")
    else:
        yield Finding("runtime", "red", last.partition(": ")[2] or last, "run scripts/install again")


def model_files(subject: Subject) -> Iterator[Finding]:
    """Every model's hash and interface, those that the owner installed included."""
    reinstall = "reinstall the service: scripts/install or the package"
    chosen = {name: choose(name, model_store(subject.path, subject.state)) for name in NAMES}
    for name, choice in chosen.items():
        if choice.problem:
            says = f"the installed {name} model is not used: {choice.problem}"
            yield Finding("models", "yellow", says, f"install it again, or emotion-edge model rollback {name}")
    folders = {name: choice.folder for name, choice in chosen.items()}
    described = []
    try:
        weights = folders.pop("fusion")
        learned_weights(weights)
        for name, folder in folders.items():
            manifest = Model(folder).manifest
            described.append(f"{name} {manifest.version} ({manifest.sha256[:8]})")
    except EdgeError as error:
        yield Finding("models", "red", str(error), reinstall)
    else:
        yield Finding("models", "green", f"{', '.join(described)}: intact")
