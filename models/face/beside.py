"""Ours beside the package `fer`, on the same pictures and the same core: writes beside.json, of which
docs/generate.py makes the table in docs/pages/explanation/accuracy.md. About a minute.

    python -m models.face.export --data DIR --out FOLDER
    python -m models.face.beside --pictures FOLDER --peer-python PYTHON [--core N]

PYTHON is one that has `fer` (pip install fer); it needs nothing of ours.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from edge.bench.contest import compare, pictures
from edge.commands.bench import machine
from edge.device import resources
from edge.inference import read_manifest

RECORD = Path(__file__).with_name("beside.json")
CROPS = "crops"  # pictures that are one face each


def main() -> None:
    """Read the arguments, run the contest, write the record."""
    parser = argparse.ArgumentParser(prog="python -m models.face.beside", description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="what models.face.export wrote")
    parser.add_argument("--peer-python", required=True, help="a Python that has the package fer")
    parser.add_argument("--core", type=int, default=0, help="the core that all run on (default: %(default)s)")
    chosen = parser.parse_args()
    manifest = read_manifest(resources.models() / "face")
    sets: dict[str, Any] = {}
    for folder in sorted(path for path in chosen.pictures.iterdir() if path.is_dir()):
        cropped = folder.name == CROPS
        shown = pictures(folder, cropped=cropped)
        results = list(compare(shown, cropped=cropped, peer_python=chosen.peer_python, core=chosen.core))
        if len({result.name for result in results}) < 2:
            parser.error(f"{chosen.peer_python} has no package fer")
        sets[folder.name] = msgspec.to_builtins(results)
        print(f"{folder.name}: {len(shown)} pictures", flush=True)
    record = {"machine": machine(), "face": {"version": manifest.version, "sha256": manifest.sha256}, "sets": sets}
    RECORD.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")


if __name__ == "__main__":
    main()
