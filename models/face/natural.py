"""The natural prior beside the model, for those who want FER+'s figures: how common the classes are there, put right.

    python -m models.face.natural --data DIR

Counting is the start; what the model says too often or too seldom is put right on the faces that we choose by.
The service adds priors of its own and does not use it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from edge.face.classify import FaceClassifier
from edge.inference import Floats
from edge.readings import LABELS
from models.common.calibration import fit_offsets
from models.common.manifest import write_natural_prior
from models.face import targets
from models.face.material import Checked, clear, common, fer2013
from models.face.measure import look

_SHIPPED = Path(__file__).parent


def main() -> None:
    """Anew for a file that is there."""
    parser = argparse.ArgumentParser(prog="python -m models.face.natural", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with fer2013")
    parser.add_argument("--model", type=Path, default=_SHIPPED, help="the model's folder")
    asked = parser.parse_args()
    learn, check = fer2013(asked.data)
    faces, truth = clear(check)
    checked = Checked(faces, truth, np.zeros(len(faces), np.int64))
    print(write(asked.model, checked, common(targets.of_votes(learn))))


def write(folder: Path, checked: Checked, counted: Floats) -> dict[str, float]:
    """Into the manifest of the model in `folder`, fitted on the faces of FER2013 among `checked`."""
    fer = checked.set == 0
    evidence = look(FaceClassifier(folder), checked.faces[fer]).both
    fitted = fit_offsets(checked.label[fer], evidence, counted)
    fitted -= np.log(np.exp(fitted).sum())  # a distribution
    prior = dict(zip(LABELS, (round(float(value), 4) for value in fitted), strict=True))
    write_natural_prior(folder, prior)
    return prior


if __name__ == "__main__":
    main()
