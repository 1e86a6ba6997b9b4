"""scripts/evaluate fusion: ways of fusing on the same held-back pairs; writes metrics.json and the card's tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.emotion.fusion import FusionWeights, learned_weights
from edge.inference import read_manifest
from models.common.metrics import accuracy, bootstrap, expected_calibration_error
from models.fusion import rules
from models.fusion.pairs import Pairs, drawn, together
from models.fusion.people import People, halves
from models.fusion.train import PAIRS, arguments, conditions, write
from models.fusion.train import SEED as LEARNED

SEED = 2
SHIPPED = "pool weighted by quality and label (shipped)"
PROTOCOL = (
    "Artificial pairs: a FER2013 PublicTest face and a RAVDESS clip of one label, joined at random, every label "
    "equally often, so accuracy is macro recall. Other faces and other speakers than fusion was learned on; each clip "
    "is judged by a model trained without its speaker. It does not say how face and voice go together in life."
)
Judged = dict[str, float]


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    asked = parser.parse_args()
    weights = learned_weights(asked.out)
    first, second = halves(asked.data, asked.face, asked.runs, asked.work)
    known, judged = conditions(first, PAIRS, LEARNED), conditions(second, PAIRS, SEED)
    measured = {
        "protocol": PROTOCOL,
        "face_sha256": read_manifest(asked.face).sha256,
        "pairs": PAIRS,
        "faces": len(second.face.truth),
        "clips": len(second.speech.truth),
        "ways": _ways(known, judged["both clear"], weights) | {"features (not shipped)": _features(first, second)},
        "conditions": {name: _condition(pairs, weights) for name, pairs in judged.items()},
    }
    text = msgspec.json.format(msgspec.json.encode(measured), indent=1)
    (asked.out / "metrics.json").write_bytes(text + b"\n")
    shipped = measured["ways"][SHIPPED]  # type: ignore[index]
    write(asked.out, replace(weights, metrics={"protocol": PROTOCOL, "accuracy": shipped["accuracy"]}))
    _update_card(asked.out / "README.md", measured)
    print(text.decode() if asked.json else _tables(measured))


def _ways(known: dict[str, Pairs], judged: Pairs, weights: FusionWeights) -> dict[str, Judged]:
    """Each way of fusing, on pairs that are clear on both sides."""
    learned = list(known.values())
    stacker = rules.stacker(together(learned))
    ways = {
        "face alone": judged.face,
        "speech alone": judged.speech,
        "average": rules.average(judged),
        "product": rules.log_pool(judged, rules.PLAIN),
        "pool with two weights": rules.log_pool(judged, rules.fitted(learned, power=False, trust=False)),
        "pool weighted by quality": rules.log_pool(judged, rules.fitted(learned, power=True, trust=False)),
        SHIPPED: rules.log_pool(judged, weights),
        "learned stacker": stacker(rules.stack_columns(judged)),
    }
    return {name: _judged(judged.truth, p) for name, p in ways.items()}


def _features(first: People, second: People) -> Judged:
    """Feature-level fusion: the statistics beneath the speech answer with the face's logits, for each fold its own."""
    truths, answers = [], []
    for group in np.unique(first.speech.group):
        sides = [(people.face, people.speech.where(people.speech.group == group)) for people in (first, second)]
        columns, truth = [], []
        for (face, speech), seed in zip(sides, (LEARNED, SEED), strict=True):
            seen, heard = drawn(face, speech, PAIRS // 4, seed)
            columns.append(np.concatenate((face.features[seen], speech.features[heard]), axis=1))
            truth.append(face.truth[seen])
        answers.append(rules.feature_fusion(columns[0], truth[0])(columns[1]))
        truths.append(truth[1])
    return _judged(np.concatenate(truths), np.concatenate(answers))


def _condition(pairs: Pairs, weights: FusionWeights) -> Judged:
    """Either alone and both together, as shipped."""
    fused = rules.log_pool(pairs, weights)
    return {
        "face": round(accuracy(pairs.truth, pairs.face.argmax(axis=1)), 4) if pairs.face_quality.any() else 0.0,
        "speech": round(accuracy(pairs.truth, pairs.speech.argmax(axis=1)), 4) if pairs.speech_quality.any() else 0.0,
        "fused": round(accuracy(pairs.truth, fused.argmax(axis=1)), 4),
        "calibration_error": round(expected_calibration_error(pairs.truth, fused), 4),
    }


def _judged(truth: NDArray[np.int64], p: NDArray[np.float64]) -> Judged:
    guess = p.argmax(axis=1)
    low, high = bootstrap(lambda chosen: accuracy(truth[chosen], guess[chosen]), len(truth), rounds=200)
    return {
        "accuracy": round(accuracy(truth, guess), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "loss": round(rules.loss(truth, p), 4),
        "calibration_error": round(expected_calibration_error(truth, p), 4),
    }


def _tables(measured: dict[str, Any]) -> str:
    lines = ["| way | accuracy (95 % interval) | loss | calibration error |", "|---|---|---|---|"]
    for name, m in measured["ways"].items():
        interval = f"{100 * m['low']:.1f}-{100 * m['high']:.1f}"
        lines.append(
            f"| {name} | {100 * m['accuracy']:.1f} % ({interval}) | {m['loss']:.3f} "
            f"| {100 * m['calibration_error']:.1f} % |"
        )
    lines += ["", "| condition | face alone | speech alone | fused | calibration error |", "|---|---|---|---|---|"]
    for name, m in measured["conditions"].items():
        alone = (f"{100 * m[side]:.1f} %" if m[side] else "none" for side in ("face", "speech"))
        lines.append(
            f"| {name} | {' | '.join(alone)} | {100 * m['fused']:.1f} % | {100 * m['calibration_error']:.1f} % |"
        )
    return "\n".join(lines)


def _update_card(card: Path, measured: dict[str, Any]) -> None:
    """Put the tables between their marks in the card."""
    text = card.read_text(encoding="utf-8")
    fresh = f"<!-- measured -->\n{_tables(measured)}\n<!-- /measured -->"
    card.write_text(re.sub(r"<!-- measured -->.*<!-- /measured -->", fresh, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
