"""From the student that has learned to a file with its manifest: the prior, int8, the temperature.

Everything here is chosen on the validation part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge.face.classify import FaceClassifier
from edge.face.crop import prepare
from edge.readings import LABELS
from models.common.calibration import fit_temperature, softmax
from models.common.int8 import to_int8
from models.common.metrics import accuracy, expected_calibration_error, macro_recall
from models.face import convert, parity, targets
from models.face.augment import augment
from models.face.data import Faces
from models.face.taught import network
from models.face.train import choose_share

VERSION = "2-taught"
ENOUGH = 10  # faces of a class, for its recall to be counted on the validation part
_SAME = 1e-3  # of a logit


def ship(folder: Path, learned: Any, learn: Faces, check: Faces, *, labels: str, notes: dict[str, Any]) -> str:
    """Write model, manifest and parity into `folder`; what to tell the person who waits."""
    model = network.carry_over(learned, labels)
    _must_agree(model, learned, labels)
    clear, truth = targets.truth(check, labels)
    faces, truth = check.images[clear], truth[clear]
    natural = np.log(targets.prior(targets.soft(learn, labels)))
    share = choose_share(truth, said(model, faces), natural)
    convert.add_to_logits(model, np.asarray(share * natural, np.float32))
    notes |= {"labels": labels, "prior_share": round(share, 2)}
    parity.write(folder, _both_ways(model, parity.prepared()))

    random = np.random.default_rng(notes["seed"])
    examples = np.concatenate([prepare(augment(face, random)) for face in learn.images[::50]])
    content = to_int8(network.both_ways(model), examples)
    convert.ship(folder, content, version=VERSION, temperature=1.0, notes=notes)
    shipped = FaceClassifier(folder)
    logits = np.stack([shipped.logits(face) for face in faces])
    temperature = fit_temperature(truth, logits)
    convert.ship(folder, content, version=VERSION, temperature=round(temperature, 4), notes=notes)
    error = expected_calibration_error(truth, softmax(logits, temperature))
    return (
        f"{folder / convert.FILE}: {len(content)} bytes, share of the prior {share:.1f}, "
        f"temperature {temperature:.3f}\n"
        f"validation, float: {_line(truth, said(model, faces))}\n"
        f"validation, int8: {_line(truth, logits)}, calibration error {error:.4f}"
    )


def _must_agree(model: Any, learned: Any, labels: str) -> None:
    """What PyTorch learned is what TensorFlow converts."""
    shown = parity.prepared()
    with torch.inference_mode():
        theirs = learned(torch.from_numpy(shown.transpose(0, 3, 1, 2)))[labels].numpy()
    apart = float(np.abs(np.asarray(model(shown)) - theirs).max())
    if not apart < _SAME:
        raise SystemExit(f"the network in TensorFlow and the one in PyTorch differ by {apart:.2g} of a logit")


def said(model: Any, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The logits of a Keras model, for the faces and their mirror images together."""
    return _both_ways(model, np.concatenate([prepare(face) for face in faces]))


def _both_ways(model: Any, shown: NDArray[np.float32]) -> NDArray[np.float32]:
    once, again = (model.predict(seen, batch_size=128, verbose=0) for seen in (shown, shown[:, :, ::-1]))
    return np.asarray((once + again) / 2, np.float32)


def _line(truth: NDArray[np.int64], logits: NDArray[np.float32]) -> str:
    predicted = logits.argmax(axis=1)
    recall = macro_recall(truth, predicted, len(LABELS), ENOUGH)
    return f"accuracy {accuracy(truth, predicted):.4f}, macro recall {recall:.4f}"
