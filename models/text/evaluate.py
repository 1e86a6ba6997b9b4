"""scripts/evaluate text: the shipped file on the parts for reporting; writes metrics.json, pictures and the card.

With --model: that folder's file; writes nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from edge.inference import read_manifest, runtime_name
from edge.text.classifier import TextClassifier
from models.common.card import replace_measured
from models.common.manifest import write_metrics
from models.text import card, measure, pictures
from models.text.corpora import CORPORA, LANGUAGES, sentences
from models.text.dataset import NAMES, priors_of
from models.text.pairs import pairs

SHIPPED = Path("models/text")
PROTOCOL = (
    "MELD: its dev part; GoEmotions: its test part in Ekman's grouping, a sentence with several labels counts as right "
    "for each and as missed for the others; DailyDialog: its test dialogues. One answer for each sentence, nothing "
    "before it is known. 'natural': with a share, chosen once for all, of the logarithm of how common each label is in "
    "the corpus's part for learning, for DailyDialog in its whole dialogues; 'evidence': the answer as it ships, where "
    "every label is equally common. Of four words or more, sentences that occur in a part for reporting were not "
    "learned from."
)


def main() -> None:
    asked = _arguments()
    data = asked.data / "text" if (asked.data / "text").is_dir() else asked.data
    folder = asked.model or SHIPPED
    metrics = measured(data, folder)
    if asked.model:
        print(json.dumps(metrics, indent=1))
        return
    natural = metrics["corpora"]["meld"]["natural"]
    summary = {"meld_dev_weighted_f1": natural["weighted_f1"], "meld_dev_macro_f1": natural["macro_f1"]}
    write_metrics(folder, metrics, {"protocol": PROTOCOL, **summary})
    pictures.draw(metrics, folder, asked.work)
    replace_measured(folder / "README.md", card.tables(metrics))
    print(card.tables(metrics))


def measured(data: Path, folder: Path) -> dict[str, Any]:
    """All sections of metrics.json."""
    classifier, manifest = TextClassifier(folder), read_manifest(folder)
    found = sentences(data)
    learned = [one for one in found if one.share == "learn"]
    corpora = np.array([NAMES.index(one.corpus) for one in learned])
    share = float(manifest.preprocessing["natural_share"])  # of the logarithm of how common a label is
    priors = share * priors_of(measure.labels_of(learned), corpora).astype(np.float64)
    metrics: dict[str, Any] = {"protocol": PROTOCOL, "sha256": manifest.sha256, "runtime": runtime_name()}
    metrics["corpora"], metrics["languages"] = {}, {}
    for name in CORPORA:
        chosen = [one for one in found if one.share == "report" and one.corpus == name]
        if chosen and name != "emocontext":  # most of its sentences are only known to be none of three feelings
            evidence = measure.answers(classifier, chosen)
            prior = priors[NAMES.index(name)]
            metrics["corpora"][name] = measure.judged(chosen, evidence, prior, classifier.temperature)
            for language in LANGUAGES if name in ("xed_projected", "dailydialog_multi") else ():
                rows = [row for row, one in enumerate(chosen) if one.language == language]
                if rows:
                    some = [chosen[row] for row in rows]
                    told = measure.judged(some, evidence[rows], prior, classifier.temperature)
                    metrics["languages"][f"{name} {language}"] = told
    meld = [one for one in found if one.share == "report" and one.corpus == "meld"]
    if meld:
        metrics["robustness"] = measure.spoilt(classifier, meld, priors[NAMES.index("meld")])
        metrics["milliseconds"] = measure.milliseconds(classifier, meld)
        metrics["pairs"] = pairs(classifier, meld)
    metrics["empty"] = measure.empty_texts(classifier)
    metrics["bytes"] = {name: (folder / name).stat().st_size for name in (manifest.file, "manifest.json")}
    metrics["temperature"] = manifest.temperature
    metrics["natural_share"] = share
    return metrics


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/evaluate text", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with text/, or that folder")
    parser.add_argument("--work", type=Path, default=Path(".training/text"), help="where training left its figures")
    parser.add_argument("--model", type=Path, help="a folder with another manifest.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
