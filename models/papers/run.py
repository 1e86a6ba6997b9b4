"""scripts/papers --data DIR: all systems of the papers, each by its own split and with people held out; one report.

Writes docs/pages/explanation/papers.md and its pictures. Minutes with few epochs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tqdm import tqdm

from models.face import data as fer
from models.papers import report, systems
from models.papers.features import handmade, mean_mfcc
from models.papers.fit import Outcome
from models.papers.report import Section
from models.papers.systems import Pixels, Voices

PAGE = Path("docs/pages/explanation/papers.md")
_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"
NAMES = ("tess-lstm", "ravdess-lstm", "ravdess-cnn", "marginal-fisher", "fer", "fusion")


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    steps = [(name, step) for name, step in _systems(asked) if name in asked.only]
    sections = [step() for _, step in tqdm(steps, unit="system")]
    text = report.written(sections, report.ours(Path("models")), asked.page.parent / "papers")
    before, _, rest = asked.page.read_text().partition(_BEGIN)
    asked.page.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{rest.partition(_END)[2]}")


def _systems(asked: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Section]]]:
    epochs = asked.epochs
    capped = f"{epochs} epochs" + ("." if epochs == 50 else "; the paper's number is 50.")

    def ravdess() -> Voices:
        return Voices.of(asked.data, "ravdess", mean_mfcc, asked.most)

    yield "tess-lstm", lambda: Section(
        "tess-lstm", "TESS, mean of 40 MFCC → LSTM(256)", "training high, validation about 0.5",
        f"80/20 over recordings as in the paper; one of the two speakers, or a fifth of the words held out. {capped}",
        systems.tess_lstm(Voices.of(asked.data, "tess", mean_mfcc, asked.most), epochs),
    )  # fmt: skip
    yield "ravdess-lstm", lambda: Section(
        "ravdess-lstm", "RAVDESS, MFCC → LSTM", "no figure by people",
        f"Eight classes; 80/20 over recordings, and a fifth of the actors held out. {capped}",
        systems.ravdess_lstm(ravdess(), epochs),
    )  # fmt: skip
    yield "ravdess-cnn", lambda: Section(
        "ravdess-cnn", "RAVDESS, MFCC → 1D-CNN", "0.835 (voice)",
        f"Eight classes; the mean of 40 MFCC. {capped}", systems.ravdess_cnn(ravdess(), epochs),
    )  # fmt: skip
    yield "marginal-fisher", lambda: Section(
        "marginal-fisher", "RAVDESS, crossings, energy, pitch and MFCC → marginal Fisher analysis → 1D-CNN",
        "0.947 / 0.958 / 0.944 (audio, video, both)",
        "The audio part alone: no video with sound is at hand. Marginal Fisher analysis is tested on its own against "
        f"examples whose answer is known. {capped}",
        systems.ravdess_marginal_fisher(Voices.of(asked.data, "ravdess", handmade, asked.most), epochs),
    )  # fmt: skip
    pixels: list[Pixels] = []

    def faces() -> Pixels:
        if not pixels:
            folder = fer.find(asked.data)
            pixels.append(Pixels.of(fer.load(folder, "Training"), fer.load(folder, "PublicTest"), asked.faces))
        return pixels[0]

    yield "fer", lambda: Section(
        "fer", "FER2013, 2D-CNN: full, depthwise-separable, and with a support vector machine on top",
        "0.887 (face)",
        f"FER2013's own labels and parts; {asked.faces} faces to learn from, {max(1, epochs // 2)} epochs. Nobody is "
        "named in FER2013, so whether a person is on both sides cannot be known. No landmarks, no LSTM head.",
        _faces(faces(), max(1, epochs // 2)),
    )  # fmt: skip
    yield "fusion", lambda: Section(
        "fusion", "Voice of RAVDESS and face of FER2013",
        "0.835 voice, 0.887 face, 0.915 features joined, 0.897 decisions",
        "Random pairs of the same label, since these sets have no others: voice and face are of different people. "
        f"{capped}",
        systems.fused(ravdess(), faces(), systems.fer_cnn(faces(), max(1, epochs // 2))[0], epochs),
    )  # fmt: skip


def _faces(pixels: Pixels, epochs: int) -> dict[str, Outcome]:
    full, plain = systems.fer_cnn(pixels, epochs)
    separable, light = systems.fer_cnn(pixels, epochs, separable=True)
    return {
        "full convolutions": plain,
        "full, support vectors": systems.support_vectors(full, pixels),
        "separable convolutions": light,
        "separable, support vectors": systems.support_vectors(separable, pixels),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/papers", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with tess/, ravdess_speech/ and fer2013/")
    parser.add_argument("--epochs", type=int, default=50, help="the papers' number; faces take half of it")
    parser.add_argument("--faces", type=int, default=28_000, help="of FER2013 to learn from; a third as many to judge")
    parser.add_argument("--most", type=int, help="recordings of each corpus, for a quick look")
    parser.add_argument("--only", nargs="*", choices=NAMES, default=NAMES)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
