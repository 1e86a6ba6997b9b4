"""scripts/evaluate fusion: ways of fusing on the same held-back pairs; writes metrics.json and the card's table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.fusion import learned_weights
from models.common.metrics import accuracy, bootstrap, expected_calibration_error
from models.fusion.pairs import heard, pair, seen
from models.fusion.rules import average, log_pool, loss
from models.fusion.train import PAIRS, arguments, write

SEED = 2
PROTOCOL = (
    "Artificial pairs: a FER2013 PublicTest face and a RAVDESS clip of one label, joined at random, every label "
    "equally often, so accuracy is macro recall. Other faces and other speakers than the weights were learned on; "
    "each clip is judged by a model trained without its speaker. "
    "It does not say how face and voice go together in life."
)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    asked = parser.parse_args()
    weights = learned_weights(asked.out)
    _, face = seen(asked.face, asked.data)
    _, speech = heard(asked.runs, asked.data)
    pairs = pair(face, speech, PAIRS, SEED)
    ways = {
        "face alone": pairs.face,
        "speech alone": pairs.speech,
        "average": average(pairs),
        "product": log_pool(pairs, 1.0, 1.0),
        "weighted log pool (shipped)": log_pool(pairs, weights.face, weights.speech),
    }
    measured = {
        "protocol": PROTOCOL,
        "pairs": len(pairs.truth),
        "faces": len(face.truth),
        "clips": len(speech.truth),
        "ways": {name: _judged(pairs.truth, p) for name, p in ways.items()},
    }
    text = msgspec.json.format(msgspec.json.encode(measured), indent=1)
    (asked.out / "metrics.json").write_bytes(text + b"\n")
    shipped = measured["ways"]["weighted log pool (shipped)"]  # type: ignore[index]
    write(asked.out, replace(weights, metrics={"protocol": PROTOCOL, "accuracy": shipped["accuracy"]}))
    _update_card(asked.out / "README.md", measured)
    print(text.decode() if asked.json else _table(measured))


def _judged(truth: NDArray[np.int64], p: NDArray[np.float64]) -> dict[str, float]:
    guess = p.argmax(axis=1)
    low, high = bootstrap(lambda chosen: accuracy(truth[chosen], guess[chosen]), len(truth), rounds=200)
    return {
        "accuracy": round(accuracy(truth, guess), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "loss": round(loss(truth, p), 4),
        "calibration_error": round(expected_calibration_error(truth, p), 4),
    }


def _table(measured: dict[str, Any]) -> str:
    lines = ["| way | accuracy (95 % interval) | loss | calibration error |", "|---|---|---|---|"]
    for name, m in measured["ways"].items():
        interval = f"{100 * m['low']:.1f}-{100 * m['high']:.1f}"
        lines.append(
            f"| {name} | {100 * m['accuracy']:.1f} % ({interval}) | {m['loss']:.3f} "
            f"| {100 * m['calibration_error']:.1f} % |"
        )
    return "\n".join(lines)


def _update_card(card: Path, measured: dict[str, Any]) -> None:
    """Put the table between its marks in the card."""
    text = card.read_text(encoding="utf-8")
    fresh = f"<!-- measured -->\n{_table(measured)}\n<!-- /measured -->"
    card.write_text(re.sub(r"<!-- measured -->.*<!-- /measured -->", fresh, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
