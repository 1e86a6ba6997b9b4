"""Measuring pictures as files, a folder for each label: what `emotion-edge bench --compare --pictures` takes.

    python -m models.face.export --data DIR --out FOLDER

FOLDER/crops holds the faces of FER2013's PublicTest that have a strict majority, FOLDER/photographs those of GENKI-4K
that our finder has not learned from, with and without a smile, and FOLDER/NAME the held-back people of every other set
that is in DIR. They are other people's pictures: measure with them, pass none of them on.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2

from edge.readings import LABELS
from models.face import data, sets
from models.finder.photos import held_back


def main() -> None:
    """Read the arguments, write the folders."""
    parser = argparse.ArgumentParser(prog="python -m models.face.export", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with FER2013 and the FER+ votes, and genki4k")
    parser.add_argument("--out", type=Path, required=True, help="where the folders go; outside of a repository")
    chosen = parser.parse_args()
    faces = data.load(data.find(chosen.data), "PublicTest")
    clear, truth = data.strict_majority(faces)
    for number, (image, label) in enumerate(zip(faces.images[clear], truth[clear], strict=True)):
        folder = chosen.out / "crops" / LABELS[label]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number:05}.png"), image)
    for name in (name for name in sets.SHEETS if (chosen.data / name / "index.csv").is_file()):
        tiles = sets.load(chosen.data, name).of(sets.REPORT)
        for number, (image, each) in enumerate(zip(tiles.images, tiles.label, strict=True)):
            folder = chosen.out / name / LABELS[each]
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{number:05}.png"), image)
    genki = chosen.data / "genki4k"
    strange = held_back(genki)
    with (genki / "index.csv").open(newline="") as file:
        for row in (row for row in csv.DictReader(file) if row["file"] in strange):
            folder = chosen.out / "photographs" / ("smile" if row["smile"] == "1" else "none")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / row["file"]).symlink_to((genki / "images" / row["file"]).resolve())


if __name__ == "__main__":
    main()
