"""scripts/train text: from the corpora of sentences to models/text/text.tflite.

Interrupt it at will; it goes on where it was.
"""

from __future__ import annotations

import argparse
import copy
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from edge.readings import LABELS
from edge.text.pieces import Pieces
from models.common.calibration import negative_log_likelihood
from models.text.copies import copies
from models.text.corpora import CORPORA, Sentence, sentences
from models.text.dataset import NAMES, TALK, Task, task_of
from models.text.fit import fit, logits_of
from models.text.minilm import Encoder
from models.text.mpnet import MPNet
from models.text.network import Network
from models.text.recipe import Recipe
from models.text.scores import scored
from models.text.teacher import Fitting, lessons, teacher
from models.text.vocabulary import Vocabulary, vocabulary, whisper_pieces

_SHOWN = ("meld", "goemotions", "dailydialog")  # that the epochs are judged by
SHOWN = 300  # sentences that show the converter what values occur
_SHARES = np.arange(2, 11) / 10
_TEMPERATURES = np.geomspace(0.3, 5, 60)


@dataclass(frozen=True)
class Material:
    learn: list[Sentence]
    copies: list[Sentence]
    choose: list[Sentence]
    vocabulary: Vocabulary
    task: Task

    @property
    def pieces(self) -> Pieces:
        return Pieces(self.vocabulary.pieces)


def material(data: Path, work: Path, recipe: Recipe) -> Material:
    """Read, cut and counted once, then from `work`."""
    path = work / f"material-{recipe.pieces}-{recipe.dimensions}-{len(CORPORA)}.pkl"
    if path.is_file():
        kept: Material = pickle.loads(path.read_bytes())  # noqa: S301 - our own file
        return kept
    work.mkdir(parents=True, exist_ok=True)
    everything = sentences(data)
    learn, choose = ([one for one in everything if one.share == share] for share in ("learn", "choose"))
    if not learn:
        raise SystemExit(f"{data}: no sentences found; it should hold meld.csv.gz, goemotions.csv.gz, ...")
    texts, encoder = [one.text for one in learn], Encoder.fetched(work)
    found = vocabulary(texts, whisper_pieces(work), encoder, recipe.pieces, recipe.dimensions)
    more = copies(learn, found.pieces, found.embeddings)
    result = Material(learn, more, choose, found, task_of(learn, Pieces(found.pieces), found.pieces, more))
    path.write_bytes(pickle.dumps(result))
    return result


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    recipe = replace(Recipe(), epochs=asked.epochs) if asked.epochs else Recipe()
    data = asked.data / "text" if (asked.data / "text").is_dir() else asked.data
    found = material(data, asked.work, recipe)
    print(f"{len(found.learn)} sentences, {len(found.vocabulary.pieces)} pieces", flush=True)
    if asked.teacher is not None:
        fitting = Fitting(found.learn, found.task, MPNet.fetched(asked.work), device=asked.device)
        teacher(asked.teacher, fitting, asked.work)
        return
    folder = asked.work / f"seed{asked.seed}"
    report = reporter(found, folder)
    net = fit(
        found.task,
        found.vocabulary.embeddings,
        recipe,
        asked.seed,
        folder=folder,
        report=report,
        lessons=lambda: lessons(found.learn, [*found.learn, *found.copies], found.task, asked.work, asked.device),
        device=asked.device,
    ).cpu()
    deliver(net, found, asked.out)


def deliver(net: Network, found: Material, out: Path) -> None:
    """Calibrate, quantise and write the file and its manifest."""
    from models.text.export import ship

    net = spoken(net, Recipe.spoken)
    temperature, share = temperature_for(found, net), natural_share(found, net)
    shown = np.random.default_rng(0).choice(len(found.task), min(SHOWN, len(found.task)), replace=False)
    talk = found.task.priors[NAMES.index(TALK)]
    print(f"temperature {temperature:.3f}, share of the natural prior {share}", flush=True)
    prior = dict(zip(LABELS, (share * (talk - talk.mean())).tolist(), strict=True))
    ship(
        net,
        found.vocabulary.pieces,
        shown=[found.task.ids[row] for row in shown],
        temperature=temperature,
        prior=prior,
        share=share,
        folder=out,
    )


def spoken(net: Network, share: float) -> Network:
    """With so much of what spoken dialogue alone has added to what all corpora share: speech is what it will read."""
    result, number = copy.deepcopy(net), NAMES.index(TALK)
    with torch.no_grad():
        result.shared.weight += share * net.own[number].T
        result.shared.bias += share * net.own_bias[number]
    return result


def natural_share(found: Material, net: Network) -> float:
    """How much of the logarithm of how common a label is gives the best F1 on the part for choosing.

    Weighted and macro F1 added up. Less than all, since rare labels count in a macro figure as much as common ones.
    """
    pieces = found.pieces
    totals = np.zeros(len(_SHARES))
    for corpus in _SHOWN:
        chosen = [one for one in found.choose if one.corpus == corpus]
        if chosen:
            logits = logits_of(net, [np.array(pieces.ids(one.text), np.int32) for one in chosen])
            prior = found.task.priors[NAMES.index(corpus)]
            every = [scored(chosen, logits + share * prior) for share in _SHARES]
            totals += [one["weighted_f1"] + one["macro_f1"] for one in every]
    return float(_SHARES[int(np.argmax(totals))])


def temperature_for(found: Material, net: Network) -> float:
    """The one with the smallest loss on the part for choosing, each corpus and each label in it counting the same."""
    pieces, rows = found.pieces, []
    for corpus in CORPORA:
        chosen = [one for one in found.choose if one.corpus == corpus and len(one.labels) == 1]
        if not chosen or len(CORPORA[corpus].labels) < len(LABELS):
            continue  # where a label cannot be told, evidence for it is no mistake
        truth = np.array([LABELS.index(next(iter(one.labels))) for one in chosen])
        logits = logits_of(net, [np.array(pieces.ids(one.text), np.int32) for one in chosen])
        for label in np.unique(truth):
            mine = truth == label
            rows.append([negative_log_likelihood(truth[mine], logits[mine], one) for one in _TEMPERATURES])
    return float(_TEMPERATURES[int(np.argmin(np.mean(rows, axis=0)))]) if rows else 1.0


def reporter(found: Material, folder: Path) -> Callable[[int, float, Network], None]:
    """One line for each epoch, and its figures in loss.csv: epoch, loss, weighted F1 of the corpora for judging."""
    began = time.monotonic()
    pieces = found.pieces
    parts = {corpus: [one for one in found.choose if one.corpus == corpus] for corpus in _SHOWN}
    ids = {corpus: [np.array(pieces.ids(one.text), np.int32) for one in chosen] for corpus, chosen in parts.items()}

    def report(epoch: int, loss: float, net: Network) -> None:
        told = [f"{folder.name} epoch {epoch} loss {loss:.4f} {time.monotonic() - began:.0f} s"]
        figures = [f"{epoch},{loss:.4f}"]
        for corpus, chosen in parts.items():
            if chosen:
                evidence = logits_of(net, ids[corpus])
                natural = scored(chosen, evidence + found.task.priors[NAMES.index(corpus)])
                names = ("weighted_f1", "macro_f1", "macro_f1_feelings")
                line = " ".join(f"{natural[name]:.3f}" for name in names)
                told.append(f"{corpus} {line} evidence {scored(chosen, evidence)['macro_recall']:.3f}")
                figures.append(f"{natural['weighted_f1']:.4f}")
        print("; ".join(told), flush=True)
        with (folder / "loss.csv").open("a") as file:
            file.write(",".join(figures) + "\n")

    return report


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train text", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with text/, or that folder")
    parser.add_argument("--work", type=Path, default=Path(".training/text"), help="caches and checkpoints")
    parser.add_argument("--out", type=Path, default=Path("models/text"), help="where the shipped file goes")
    parser.add_argument("--epochs", type=int, help=f"default {Recipe().epochs}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="where PyTorch fits: cpu or cuda")
    parser.add_argument("--teacher", type=int, help="fit this one alone, so that several can be fitted at once")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
