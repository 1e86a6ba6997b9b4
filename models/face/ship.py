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
from models.common.calibration import fit_temperature, softmax
from models.common.int8 import to_int8
from models.common.metrics import expected_calibration_error
from models.face import choice, convert, network, parity, targets
from models.face.augment import augment
from models.face.data import Faces

VERSION = "3"
_SAME = 1e-3  # of a logit


def ship(folder: Path, learned: Any, learn: Faces, check: Faces, *, head: str, notes: dict[str, Any]) -> str:
    """Write model, manifest and parity into `folder`; what to tell the person who waits."""
    model = convert.carry_over(learned, head)
    _must_agree(model, learned, head)
    clear, truth = targets.truth(check, head)
    faces, truth = check.images[clear], truth[clear]
    natural = np.log(targets.prior(targets.soft(learn, head)))
    logits = _both_ways(model, np.concatenate([prepare(face) for face in faces]))
    share = choice.choose_share(truth, logits, natural)
    told = [
        _line("float, all of the prior", choice.reached(truth, logits + natural)),
        _line(f"float, {share:.1f} of the prior", choice.reached(truth, np.asarray(logits + share * natural))),
        _line("float, share chosen on the other half", choice.reached_by_others(truth, logits, natural)),
    ]
    convert.add_to_logits(model, np.asarray(share * natural, np.float32))
    notes = notes | {"labels": head, "prior_share": round(share, 2)}

    random = np.random.default_rng(notes["seed"])
    examples = np.concatenate([prepare(augment(face, random)) for face in learn.images[::50]])
    content = to_int8(network.both_ways(model), examples)
    convert.write(folder, content, version=VERSION, temperature=1.0, notes=notes)
    parity.write(folder, _both_ways(model, parity.prepared()))
    shipped = FaceClassifier(folder)
    logits = np.stack([shipped.logits(face) for face in faces])
    temperature = fit_temperature(truth, logits)
    convert.write(folder, content, version=VERSION, temperature=round(temperature, 4), notes=notes)
    error = expected_calibration_error(truth, softmax(logits, temperature))
    told += [
        _line(f"int8, {share:.1f} of the prior", choice.reached(truth, logits)),
        f"calibration error {error:.4f}, temperature {temperature:.3f}, {len(content)} bytes",
    ]
    return "\n".join([f"{folder / convert.FILE}, on the validation part:", *told])


def _must_agree(model: Any, learned: Any, head: str) -> None:
    """What PyTorch learned is what TensorFlow converts."""
    shown = parity.prepared()
    learned.half = False
    with torch.inference_mode():
        theirs = learned(torch.from_numpy(shown.transpose(0, 3, 1, 2)))[head].numpy()
    apart = float(np.abs(np.asarray(model(shown)) - theirs).max())
    if not apart < _SAME:
        raise SystemExit(f"the network in TensorFlow and the one in PyTorch differ by {apart:.2g} of a logit")


def _both_ways(model: Any, shown: NDArray[np.float32]) -> NDArray[np.float32]:
    once, again = (model.predict(seen, batch_size=128, verbose=0) for seen in (shown, shown[:, :, ::-1]))
    return np.asarray((once + again) / 2, np.float32)


def _line(what: str, reached: tuple[float, float]) -> str:
    return f"{what}: accuracy {reached[0]:.4f}, macro recall {reached[1]:.4f}"
