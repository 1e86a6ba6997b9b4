"""scripts/papers --data DIR: all systems of the papers, each by its own split and with people held out; one report.

Writes docs/pages/explanation/papers.md and its pictures. Interrupt it at will: what is measured, and of networks over
faces every epoch, is kept in the work folder, and a run that asks for the same goes on there; the page has of each
system the longest run that is kept.
Hours with all epochs and faces, minutes with few.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from models.papers import audio_and_video, face_and_voice, heads, product, report, tess
from models.papers.pictures import pixels
from models.papers.section import EPOCHS, Asked, Section, keep, kept

MODELS = Path("models")
PAGE = Path("docs/pages/explanation/papers.md")
_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"
SYSTEMS = (*tess.SYSTEMS, *heads.SYSTEMS, *face_and_voice.SYSTEMS, *audio_and_video.SYSTEMS)
NAMES = tuple(system.name for system in SYSTEMS)


def main() -> None:
    told = _arguments()
    torch.set_num_threads(told.threads)
    asked = Asked(told.data, told.work, told.epochs, told.faces, told.most)
    for system in tqdm([one for name in told.only for one in SYSTEMS if one.name == name], unit="system"):
        if not asked.file(system.name, ".json").is_file():
            keep(system.measured(asked), asked)
    sections = [section for section in (kept(name, asked.work) for name in NAMES) if section is not None]
    text = report.written(sections, _beside(sections, asked), told.page.parent / "papers")
    before, _, rest = told.page.read_text().partition(_BEGIN)
    told.page.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{rest.partition(_END)[2]}")


def _beside(sections: Sequence[Section], asked: Asked) -> dict[str, float]:
    """By section the product's accuracy on whom, or on the very faces that, the section was judged by."""
    voices, found = product.voices(MODELS), {}
    for section in sections:
        if section.ours == "fer":
            found[section.name] = product.faces(MODELS, pixels(replace(asked, faces=section.faces)))
        elif section.ours in voices:
            found[section.name] = voices[section.ours]
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/papers", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with tess/, ravdess_speech/ and fer2013/")
    parser.add_argument("--work", type=Path, default=Path(".training/papers"), help="what is measured is kept here")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="the papers' number")
    parser.add_argument("--faces", type=int, default=28_000, help="of FER2013 to learn from; a third as many to judge")
    parser.add_argument("--most", type=int, help="recordings of each corpus, for a quick look")
    parser.add_argument(
        "--only", nargs="*", choices=NAMES, default=NAMES, help="in this order; none: write the page anew"
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
