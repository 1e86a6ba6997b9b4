"""scripts/train finder: from photographs with boxes to models/finder/finder.tflite."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from edge.face import search
from edge.face.finder import SingleShot
from edge.face.grid import decode, prepare
from models.common.int8 import to_int8
from models.face import data as fer2013
from models.finder import compose, convert, judge, label, light, parity, photos, pictures, scenes
from models.finder.batches import batches
from models.finder.learning import Run

VERSION = "2"
_BATCH = 32
_STEPS = 400  # of an epoch
_LEAST = 0.05  # score from which an answer is counted at all
_MINED, _KEPT, _MOST_HARD = 320, 32, 480  # empty scenes looked at after an epoch, kept of them, kept in all
_SCENES, _EMPTY = 300, 4000  # to follow the training by, each with and without faces; to choose the threshold by
_ALARMS = 1.0  # per thousand empty pictures: what the threshold is chosen for


def main() -> None:
    """Read the arguments, train, convert, ship."""
    chosen = _arguments()
    cv2.setNumThreads(1)
    if chosen.threads:
        tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(chosen.seed)
    chosen.work.mkdir(parents=True, exist_ok=True)
    learn, choose = banks(chosen.data, chosen.backgrounds, chosen.yunet, chosen.work)
    print(
        f"{len(learn.photos)} photographs, {len(learn.tiles)} tiles, {len(learn.backgrounds)} backgrounds to learn from"
    )
    pictures_, empty = checks(choose)

    rounds, epochs = [chosen.epochs * _STEPS, chosen.further * _STEPS], chosen.epochs + chosen.further
    run = Run(chosen.work, rounds=rounds, rate=chosen.rate, resume=chosen.resume)
    hard: list[NDArray[np.float32]] = []
    while run.epoch < epochs:
        how = {"seed": chosen.seed, "epoch": run.epoch, "unfocused": run.epoch >= chosen.epochs}
        stream = batches(learn, hard, size=_BATCH, steps=_STEPS, **how)
        record = run.train(tqdm(stream, f"epoch {run.epoch + 1}/{epochs}", _STEPS, mininterval=10))
        record |= _follow(run, pictures_, empty)
        hard = (hard + _mine(run, learn, np.random.default_rng([chosen.seed, 7, run.epoch])))[-_MOST_HARD:]
        run.keep(record)
        print("  ".join(f"{name} {value:.4f}" for name, value in record.items()), flush=True)
    ship(run, learn, choose, chosen)


def banks(data: Path, backgrounds: Path, yunet: Path, work: Path) -> tuple[compose.Bank, compose.Bank]:
    """What to learn from and what to choose by; nothing of either judges."""
    detector = label.YuNet(yunet)
    parts = photos.split(photos.load(photos.find(data)))
    tiles = label.tiles(fer2013.find(data), detector, work / "tiles.npy")
    views, things = compose.read_backgrounds(backgrounds), compose.read_cutouts(backgrounds)

    def bank(some: list[photos.Photo], some_tiles: list[photos.Photo], part: str) -> compose.Bank:
        return compose.Bank(
            label.with_all_faces(some, detector, work / f"{part}.npz"),
            some_tiles,
            [view for name, view in views.items() if compose.part_of(name) == part],
            [thing for name, thing in things.items() if compose.part_of(name) == part],
        )

    return bank(parts.learn, tiles[200:], "learn"), bank(parts.choose, tiles[:200], "choose")


Checks = list[tuple[NDArray[np.uint8], compose.Scene]]


def checks(bank: compose.Bank) -> tuple[Checks, Checks]:
    """Scenes with faces and scenes without, always the same."""
    random = np.random.default_rng(11)
    draws = [
        compose.photograph(bank, random) if i % 2 else compose.group(bank, random, 1 + i % 3) for i in range(_SCENES)
    ]
    none = [compose.ordinary(bank, random) for _ in range(_SCENES)]
    with_light = [[(light.weather(scene.picture, random), scene) for scene in part] for part in (draws, none)]
    return with_light[0], with_light[1]


def _follow(run: Run, scenes: Checks, empty: Checks) -> dict[str, float]:
    def look(part: Checks) -> list[judge.Verdict]:
        said = run.answers(np.concatenate([prepare(picture) for picture, _ in part]))
        return [_verdict(answer, scene) for answer, (_, scene) in zip(said, part, strict=True)]

    with_faces, without = look(scenes), look(empty)
    return {
        "recall": judge.recall(with_faces, 0.5),
        "recall_at_10": judge.recall(with_faces, judge.threshold(without, 10.0)),
        "alarms": judge.alarms_per_thousand(without, 0.5),
        "landmarks": float(np.mean([error for each in with_faces for error in each.landmarks] or [9.9])),
    }


def _verdict(answer: tuple[Any, Any, Any], scene: compose.Scene) -> judge.Verdict:
    return judge.verdict(decode(*answer, _LEAST), *scene.labels)


def _mine(run: Run, bank: compose.Bank, random: np.random.Generator) -> list[NDArray[np.float32]]:
    """Empty scenes that look most like a face to the network."""
    drawn = [compose.empty(bank, random).picture for _ in range(_MINED)]
    seen = np.concatenate([prepare(np.clip(scene, 0, 255).astype(np.uint8)) for scene in drawn])
    best = np.array([score.max() for score, _, _ in run.answers(seen)])
    return [drawn[i] for i in np.argsort(-best)[:_KEPT]]


def ship(run: Run, learn: compose.Bank, choose: compose.Bank, chosen: argparse.Namespace) -> None:
    """Quantise, choose the score that counts as a half on the int8 file itself, write file and manifest.

    It is chosen on pictures that are searched like in the service, in squares too: each look may be wrong.
    """
    random = np.random.default_rng(chosen.seed)
    examples = [prepare(light.weather(compose.draw(learn, random).picture, random)) for _ in range(400)]
    content = to_int8(run.averaged, np.concatenate(examples))
    notes = {"seed": chosen.seed, "epochs": run.epoch}
    out: Path = chosen.out
    convert.ship(out, content, version=VERSION, middle=0.0, notes=notes)
    finder = SingleShot(_LEAST, folder=out)
    wide = replace(choose, side=scenes.SIDE)
    without = _everywhere(finder, scenes.empty(wide, _EMPTY))
    with_faces = _everywhere(finder, (each for part in scenes.composed(wide).values() for each in part))
    least = judge.threshold(without, _ALARMS)
    middle = float(np.log(least / (1 - least)))
    convert.ship(out, content, version=VERSION, middle=round(middle, 3), notes=notes)
    parity.write(out, run.answers(parity.prepared()))
    pictures.training(run.history, out / "training.png")
    print(
        f"{out / convert.FILE}: {len(content)} bytes; validation, int8: recall {judge.recall(with_faces, least):.4f} "
        f"at {judge.alarms_per_thousand(without, least):.1f} alarms per thousand (score {least:.3f}); "
        "now run scripts/evaluate finder"
    )


def _everywhere(finder: SingleShot, pictures_: Iterable[scenes.Judged]) -> list[judge.Verdict]:
    return [
        judge.verdict(search.everywhere(each.picture, finder), each.boxes, each.points, each.doubtful)
        for each in pictures_
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train finder", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with GENKI-4K (boxes in its index) and FER2013"
    )
    parser.add_argument("--backgrounds", type=Path, required=True, help="made by python -m models.finder.collect")
    parser.add_argument("--yunet", type=Path, required=True, help="face_detection_yunet_*.onnx, which labels")
    parser.add_argument("--epochs", type=int, default=40, help=f"of {_STEPS} steps of {_BATCH} pictures")
    parser.add_argument("--further", type=int, default=24, help="epochs of a second round, with faces out of focus")
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--work", type=Path, default=Path(".training/finder"), help="checkpoints and history")
    parser.add_argument("--out", type=Path, default=Path("models/finder"), help="where the model goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
