"""scripts/evaluate life: how the product does on scenes of people it never saw; writes metrics.json and the card."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.config.schema import Config, DecisionConfig
from edge.device import resources
from edge.emotion.fusion import FusionWeights, learned_weights
from edge.inference import read_manifest
from edge.service.replay import Perceived
from models.common.card import replace_measured
from models.life import lasting, single, talk
from models.life.dialogue import dialogues, owners, right_owner, summary
from models.life.follow import Choice, dial, ticks
from models.life.perceive import ROOT, Models, perceive
from models.life.scenes import FULL, SHORT, LifeScene, scenes
from models.life.score import Seen, judged, table, watch
from models.life.voices import CORPORA
from models.speech.corpora import find_clips


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--short", action="store_true", help="a few scenes of each kind")
    parser.add_argument("--part", choices=("report", "tune"), default="report", help="the people (default: report)")
    parser.add_argument("--who", type=int, metavar="N", help="N scenes of each kind with several people: who speaks?")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    asked = parser.parse_args()
    models = models_of(asked, strangers=not (asked.short or asked.who))
    if asked.who:
        found = dialogues(asked.data, asked.part, asked.who, asked.corpora)
        spent = {kind: [right_owner(one, models) for one in rows] for kind, rows in found.items()}
        shares = {"scenes_of_each_kind": asked.who, "part": asked.part} | summary(spent)
        text = msgspec.json.format(msgspec.json.encode(shares), indent=1)
        if asked.part == "report":
            (asked.out / "who.json").write_bytes(text + b"\n")
            replace_measured(asked.out / "README.md", owners(shares), "who speaks")
        print(text.decode() if asked.json else owners(shares))
        return
    cast = scenes(asked.data, asked.part, SHORT if asked.short else FULL, asked.corpora, models.folds)
    if not asked.short:
        cast += talk.talks(asked.data, asked.part, asked.corpora, models.folds)
    seen = perceive(cast, models, asked.work, asked.workers)
    measured: dict[str, Any] = {
        "models": {"face": read_manifest(models.face).sha256, "speech": read_manifest(models.speech).sha256},
        "part": asked.part,
        "speakers": len({scene.speaker for scene in cast if scene.kind == "voice"}),
    } | measure(cast, seen)
    if not asked.short:
        minutes = lasting.scenes(asked.data, asked.part, asked.corpora, models.folds)
        heard = perceive(minutes, models, asked.work, asked.workers)
        measured["lasting"] = lasting.held(minutes, _watched(heard, learned_weights()))
    text = msgspec.json.format(msgspec.json.encode(measured), indent=1)
    if not asked.short and asked.part == "report":
        (asked.out / "metrics.json").write_bytes(text + b"\n")
        replace_measured(asked.out / "README.md", table(measured))
        replace_measured(asked.out / "README.md", single.table(measured["devices"]), "one or both")
        replace_measured(asked.out / "README.md", talk.table(measured["talk"]), "talk")
        replace_measured(asked.out / "README.md", lasting.table(measured["lasting"]), "lasting")
    print(text.decode() if asked.json else _tables(measured))


def _tables(measured: Mapping[str, Any]) -> str:
    found = [table(measured), single.table(measured["devices"]), talk.table(measured["talk"])]
    return "\n\n".join([*found, lasting.table(measured["lasting"])] if "lasting" in measured else found)


def measure(cast: Sequence[LifeScene], seen: Sequence[Sequence[Perceived]]) -> dict[str, Any]:
    """Every figure for scenes of this size."""
    choice = Choice(learned_weights(), DecisionConfig())
    watched = _watched(seen, choice.weights)
    at = ticks(cast, seen, choice.weights)
    return judged(cast, watched) | {
        "devices": single.compared(cast, at, choice),
        "talk": talk.claimed(cast, watched),
        "dial": dial(cast, at, choice),
    }


def _watched(seen: Sequence[Sequence[Perceived]], weights: FusionWeights) -> list[Seen]:
    return [watch(Config(), items, weights) for items in seen]


def arguments(description: str) -> argparse.ArgumentParser:
    """What judging and tuning are told alike."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder with lfw_imfdb_mux, expw, ravdess_speech, ...")
    parser.add_argument("--face", type=Path, default=resources.models() / "face", help="the face model's folder")
    parser.add_argument("--speech", type=Path, default=resources.models() / "speech", help="the speech model's folder")
    parser.add_argument(
        "--runs", type=Path, default=Path(".training/speech/runs"), help="where the speech models of the folds are"
    )
    parser.add_argument("--corpora", type=lambda text: tuple(text.split(",")), default=CORPORA, help="of voices")
    parser.add_argument("--work", type=Path, default=Path(".training/life"), help="where what was perceived is kept")
    parser.add_argument("--workers", type=int, default=1, help="threads to perceive the scenes with")
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "life")
    return parser


def models_of(asked: argparse.Namespace, *, strangers: bool = True) -> Models:
    """The models to judge, and for known speakers those that never heard them, which there must be for `strangers`."""
    apart = folds(asked.data, asked.runs)
    if strangers and not apart:
        raise SystemExit(
            f"{asked.runs} has no speech model of a fold, so voices would be judged by one that has learned from them; "
            "name such models with --runs, or make them: scripts/train speech --data DIR --only-folds"
        )
    return Models(asked.face, asked.speech, apart)


def folds(data: Path, runs: Path) -> Mapping[str, Path]:
    """For each speaker the model of the fold that holds them back, where there is one."""
    found = {}
    for clip in find_clips(data):
        fold = clip.fold()
        model = None if fold is None else next(iter(sorted(runs.glob(f"seed*-fold{fold}/manifest.json"))), None)
        if model is not None:
            found[f"{clip.path.relative_to(data).parts[0]}/{clip.speaker.split('-', 1)[1]}"] = model.parent
    return found


if __name__ == "__main__":
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    main()
