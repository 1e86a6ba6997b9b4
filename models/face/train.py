"""scripts/train face: from the public data to models/face/face.tflite."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from edge.face.classify import FaceClassifier
from edge.face.crop import prepare
from edge.readings import LABELS
from models.common.calibration import fit_temperature, softmax
from models.common.int8 import to_int8
from models.common.metrics import accuracy, expected_calibration_error, macro_recall
from models.face import batches, convert, data, parity, pictures, targets
from models.face.augment import augment
from models.face.learning import Run

VERSION = "1"
_BATCH = 64
_HELD_BACK = 0.08  # of Training, for every choice that is made
_ENOUGH = 10  # faces of a class, for its recall to be counted on the validation part
_SHARES = np.linspace(0, 1, 11)  # of the natural prior, to choose from


def main() -> None:
    """Read the arguments, train, choose, convert, ship."""
    chosen = _arguments()
    if chosen.threads:
        tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(chosen.seed)
    work = chosen.work or Path(".training/face") / chosen.labels
    out: Path = chosen.out or (Path("models/face") if chosen.labels == "ferplus" else work / "model")

    out.mkdir(parents=True, exist_ok=True)
    learn, check = data.split(data.load(data.find(chosen.data), "Training"), _HELD_BACK, seed=0)
    print(f"{len(learn)} faces to learn from, {len(check)} to choose by")
    wanted, weights = targets.soft(learn, chosen.labels), targets.weights(learn, chosen.labels)
    steps = chosen.epochs * (len(learn) // _BATCH)
    offsets = np.log(batches.drawn_prior(wanted))
    run = Run(work, steps=steps, rate=chosen.rate, offsets=offsets, resume=chosen.resume)
    clear, truth = targets.truth(check, chosen.labels)
    shown, truth = np.concatenate([prepare(face) for face in check.images[clear]]), truth[clear]
    natural = np.log(targets.prior(wanted))

    while run.epoch < chosen.epochs:
        stream = batches.batches(learn.images, wanted, weights, size=_BATCH, seed=chosen.seed, epoch=run.epoch)
        bar = tqdm(stream, f"epoch {run.epoch + 1}/{chosen.epochs}", len(learn) // _BATCH, mininterval=5)
        loss = run.train(bar)
        record = {"loss": loss, **_judge(truth, run.logits(shown), natural)}
        run.keep(record)
        print("  ".join(f"{name} {value:.4f}" for name, value in record.items()), flush=True)

    share = choose_share(truth, run.logits(shown), natural)
    convert.add_to_logits(run.averaged, np.asarray(share * natural, np.float32))
    random = np.random.default_rng(chosen.seed)
    examples = np.concatenate([prepare(augment(face, random)) for face in learn.images[::50]])
    notes = {"labels": chosen.labels, "prior_share": round(share, 2), "seed": chosen.seed, "epochs": chosen.epochs}
    parity.write(out, run.logits(parity.prepared()))
    content = to_int8(run.averaged, examples)
    convert.ship(out, content, version=VERSION, temperature=1.0, notes=notes)

    shipped = FaceClassifier(out)
    logits = np.stack([shipped.logits(face) for face in check.images[clear]])
    temperature = fit_temperature(truth, logits)
    convert.ship(out, content, version=VERSION, temperature=round(temperature, 4), notes=notes)
    print(f"{out / convert.FILE}: {len(content)} bytes, share of the prior {share:.1f}, temperature {temperature:.3f}")
    pictures.training(run.history, out / "training.png")
    ece = expected_calibration_error(truth, softmax(logits, temperature))
    print(f"validation, int8: {_line(truth, logits)}  calibration error {ece:.4f}; now run scripts/evaluate face")


def choose_share(truth: NDArray[np.int64], logits: NDArray[np.float32], natural: NDArray[np.float32]) -> float:
    """How much of the natural prior to put back: best mean of accuracy and macro recall on validation."""
    worth = []
    for share in _SHARES:
        predicted = (logits + share * natural).argmax(axis=1)
        worth.append(accuracy(truth, predicted) + macro_recall(truth, predicted, len(LABELS), _ENOUGH))
    return float(_SHARES[int(np.argmax(worth))])


def _judge(truth: NDArray[np.int64], logits: NDArray[np.float32], natural: NDArray[np.float32]) -> dict[str, float]:
    """Accuracy with the natural prior, macro recall without one."""
    return {
        "accuracy": accuracy(truth, (logits + natural).argmax(axis=1)),
        "macro_recall": macro_recall(truth, logits.argmax(axis=1), len(LABELS), _ENOUGH),
    }


def _line(truth: NDArray[np.int64], logits: NDArray[np.float32]) -> str:
    predicted = logits.argmax(axis=1)
    recall = macro_recall(truth, predicted, len(LABELS), _ENOUGH)
    return f"accuracy {accuracy(truth, predicted):.4f}  macro recall {recall:.4f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train face", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with FER2013 and the FER+ votes")
    parser.add_argument("--labels", choices=sorted(targets.OWN_SHARE), default="ferplus", help="what to aim at")
    parser.add_argument("--epochs", type=int, default=34)
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--work", type=Path, help="checkpoints and history (default .training/face/LABELS)")
    parser.add_argument("--out", type=Path, help="where the model goes (default models/face, or under --work)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
