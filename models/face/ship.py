"""From the student that has learned to a file with its manifest: int8, the temperature, the natural prior beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge.face.classify import FaceClassifier
from edge.readings import LABELS
from models.common.calibration import fit_temperature, softmax
from models.common.int8 import to_int8
from models.common.metrics import balanced, expected_calibration_error, macro_recall
from models.face import convert, parity
from models.face.lessons import Pace, varied
from models.face.material import NAMES, Checked, Learned
from models.face.natural import write as write_natural
from models.face.nets import for_student
from models.face.shape import SIDE

VERSION = "5"
_SAME = 1e-3  # of a logit
_EXAMPLES = 12  # batches that set the ranges of int8
_ENOUGH = 5  # faces of a class, for its recall to count


def ship(folder: Path, average: Any, learned: Learned, checked: Checked, *, notes: dict[str, Any]) -> str:
    """Write model, manifest and parity into `folder`; what to tell the person who waits."""
    model = convert.carry_over(average)
    _must_agree(model, average)
    content = to_int8(convert.one_face(model), _examples(learned, notes["seed"]))
    natural = dict(zip(LABELS, (round(float(value), 4) for value in learned.natural), strict=True))

    def write(temperature: float) -> FaceClassifier:
        convert.write(folder, content, version=VERSION, temperature=temperature, natural=natural, notes=notes)
        return FaceClassifier(folder)

    parity.write(folder, np.asarray(model(parity.prepared(SIDE)), np.float32))
    shipped = write(1.0)
    logits = np.stack([shipped.logits(face) for face in checked.faces])
    # Every class of every set counts alike, since that is what a uniform prior means; a few faces are not a class.
    group = checked.set * len(LABELS) + checked.label
    enough = np.flatnonzero(np.bincount(group)[group] >= _ENOUGH)
    sample = enough[balanced(group[enough])]
    temperature = round(fit_temperature(checked.label[sample], logits[sample]), 4)
    write(temperature)
    write_natural(folder, checked, learned.natural)
    error = expected_calibration_error(checked.label[sample], softmax(logits[sample], temperature))
    told = [f"{folder / convert.FILE}, int8, one orientation, on what we choose by:"]
    for number, name in enumerate(NAMES):
        here = checked.set == number
        found = macro_recall(checked.label[here], logits[here].argmax(axis=1), len(LABELS), _ENOUGH)
        told.append(f"{name}: macro recall {found:.4f}")
    told.append(f"calibration error {error:.4f}, temperature {temperature:.3f}, {len(content)} bytes")
    return "\n".join(told)


def _examples(learned: Learned, seed: int) -> NDArray[np.float32]:
    stream = varied(learned, Pace(), seed, 0)
    shown = for_student(torch.cat([next(stream)[0] for _ in range(_EXAMPLES)]).float())
    return np.asarray(shown.numpy().transpose(0, 2, 3, 1), np.float32)


def _must_agree(model: Any, learned: Any) -> None:
    """What PyTorch learned is what TensorFlow converts."""
    shown = parity.prepared(SIDE)
    learned.half = False
    with torch.inference_mode():
        theirs = learned(torch.from_numpy(np.ascontiguousarray(shown.transpose(0, 3, 1, 2)))).numpy()
    apart = float(np.abs(np.asarray(model(shown)) - theirs).max())
    if not apart < _SAME:
        raise SystemExit(f"the network in TensorFlow and the one in PyTorch differ by {apart:.2g} of a logit")
