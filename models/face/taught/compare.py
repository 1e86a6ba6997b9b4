"""scripts/train face/taught made checkpoints: what each of its networks reaches on the validation part, as Markdown.

Run it as `.venv-train/bin/python -m models.face.taught.compare --data DIR`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from edge.readings import LABELS
from models.common.calibration import fit_temperature, negative_log_likelihood
from models.common.metrics import accuracy, macro_recall
from models.face import data, targets
from models.face.taught import batches, nets
from models.face.taught.train import ENOUGH, HELD_BACK
from models.face.train import choose_share

_HEAD = "ferplus"


def main() -> None:
    """Read the checkpoints, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with FER2013 and the FER+ votes")
    parser.add_argument("--work", type=Path, default=Path(".training/face/taught"), help="where the checkpoints are")
    chosen = parser.parse_args()
    learn, check = data.split(data.load(data.find(chosen.data), "Training"), HELD_BACK, seed=0)
    clear, truth = targets.truth(check, _HEAD)
    truth, shown = truth[clear], torch.from_numpy(batches.standardised(check.images[clear]))
    natural = np.log(targets.prior(targets.soft(learn, _HEAD)))
    print("| | natural accuracy | loss | accuracy and macro recall at the chosen share |\n|---|---:|---:|---|")
    for stage, name, make in (
        ("alone", "student", nets.student),
        ("taught", "student", nets.student),
        ("taught", "teacher", nets.teacher),
    ):
        network = make().eval()
        state = torch.load(chosen.work / stage / "checkpoint.pt", weights_only=True)
        network.load_state_dict(state[name]["average"])
        with torch.inference_mode():
            once, again = (
                torch.cat([network(part)[_HEAD] for part in seen.split(128)]).numpy() for seen in (shown, shown.flip(3))
            )
        for how, logits in (("", once), (", with its mirror image", (once + again) / 2)):
            prior = logits + natural
            loss = negative_log_likelihood(truth, prior, fit_temperature(truth, prior))
            said = (logits + choose_share(truth, logits, natural) * natural).argmax(axis=1)
            print(
                f"| {name} {stage}{how} | {100 * accuracy(truth, prior.argmax(axis=1)):.1f} % | {loss:.3f} | "
                f"{100 * accuracy(truth, said):.1f} %, {100 * macro_recall(truth, said, len(LABELS), ENOUGH):.1f} % |"
            )


if __name__ == "__main__":
    main()
