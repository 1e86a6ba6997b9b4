"""scripts/train text: from the corpora of sentences to models/text/text.tflite.

Interrupt it at will; it goes on where it was.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from edge.text.pieces import Pieces
from models.text.corpora import Sentence, sentences
from models.text.dataset import NAMES, Task, task_of
from models.text.fit import fit, logits_of
from models.text.minilm import Encoder
from models.text.network import Network
from models.text.recipe import Recipe
from models.text.scores import scored
from models.text.vocabulary import Vocabulary, vocabulary, whisper_pieces

_SHOWN = ("meld", "goemotions", "dailydialog")  # that the epochs are judged by


@dataclass(frozen=True)
class Material:
    learn: list[Sentence]
    choose: list[Sentence]
    vocabulary: Vocabulary
    task: Task

    @property
    def pieces(self) -> Pieces:
        return Pieces(self.vocabulary.pieces)


def material(data: Path, work: Path, recipe: Recipe) -> Material:
    """Read, cut and counted once, then from `work`."""
    path = work / f"material-{recipe.pieces}-{recipe.dimensions}.pkl"
    if path.is_file():
        return pickle.loads(path.read_bytes())  # noqa: S301 - our own file
    work.mkdir(parents=True, exist_ok=True)
    everything = sentences(data)
    learn, choose = ([one for one in everything if one.share == share] for share in ("learn", "choose"))
    if not learn:
        raise SystemExit(f"{data}: no sentences found; it should hold meld.csv.gz, goemotions.csv.gz, ...")
    texts, encoder = [one.text for one in learn], Encoder.fetched(work)
    found = vocabulary(texts, whisper_pieces(work), encoder, recipe.pieces, recipe.dimensions)
    result = Material(learn, choose, found, task_of(learn, Pieces(found.pieces), found.pieces))
    path.write_bytes(pickle.dumps(result))
    return result


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    recipe = replace(Recipe(), epochs=asked.epochs) if asked.epochs else Recipe()
    data = asked.data / "text" if (asked.data / "text").is_dir() else asked.data
    found = material(data, asked.work, recipe)
    print(f"{len(found.learn)} sentences, {len(found.vocabulary.pieces)} pieces", flush=True)
    folder = asked.work / f"seed{asked.seed}"
    fit(found.task, found.vocabulary.embeddings, recipe, asked.seed, folder, reporter(found, folder.name))


def reporter(found: Material, name: str) -> Callable[[int, float, Network], None]:
    began = time.monotonic()
    pieces = found.pieces
    parts = {corpus: [one for one in found.choose if one.corpus == corpus] for corpus in _SHOWN}
    ids = {
        corpus: [np.array(pieces.ids(one.text), np.int32) for one in chosen] for corpus, chosen in parts.items()
    }

    def report(epoch: int, loss: float, net: Network) -> None:
        told = [f"{name} epoch {epoch} loss {loss:.4f} {time.monotonic() - began:.0f} s"]
        for corpus, chosen in parts.items():
            if chosen:
                told.append(f"{corpus} {_brief(chosen, net, ids[corpus], found.task)}")
        print("; ".join(told), flush=True)

    return report


def _brief(chosen: Sequence[Sentence], net: Network, ids: list[np.ndarray], task: Task) -> str:  # type: ignore[type-arg]
    """With the corpus's prior: weighted, macro of all, macro of the feelings; and macro recall of the evidence."""
    number = NAMES.index(chosen[0].corpus)
    shared = logits_of(net, ids)
    with_prior, own = (scored(chosen, one + task.priors[number]) for one in (shared, logits_of(net, ids, number)))
    names = ("weighted_f1", "macro_f1", "macro_f1_feelings")
    plain = " ".join(f"{with_prior[name]:.3f}" for name in names)
    return f"{plain} own {' '.join(f'{own[name]:.3f}' for name in names)} evidence {scored(chosen, shared)['macro_recall']:.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train text", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with text/, or that folder")
    parser.add_argument("--work", type=Path, default=Path(".training/text"), help="caches and checkpoints")
    parser.add_argument("--out", type=Path, default=Path("models/text"), help="where the shipped file goes")
    parser.add_argument("--epochs", type=int, help=f"default {Recipe().epochs}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
