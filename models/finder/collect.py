"""python -m models.finder.collect FOLDER: pictures without faces, from Debian's and npm's packages.

They were looked at one by one; what shows a person, an ape, a statue or a portrait is left out by name. Grey pictures
become backgrounds; cut-outs of things and animals (with transparency) become decoys: FOLDER/*.png and FOLDER/cutouts.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")

import cv2
import numpy as np
from numpy.typing import NDArray

_WALLPAPERS = (
    "gnome-backgrounds", "lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "mate-backgrounds",
    "plasma-workspace-wallpapers", "sway-backgrounds", "ukui-themes", "ukui-wallpapers",
)  # fmt: skip
_TEXTURES, _CUTOUTS, _ROOMS = "openarena-081-textures", "tuxpaint-stamps-default", "@pmndrs/assets@1.7.0"
_NOT = re.compile(
    "icons|screenshot|gtk|skull|face|manhole|head|demon|garg|flesh|skin|clown|basewall03|liquids|/sfx|/env/|logo"
)
_NOT_CUTOUTS = re.compile(
    "people|apes|monkey|coin|money|christmas|easter|halloween|fireman|mermaid|snowman|spacewalk|statue|totem|shuk|"
    "cartoon/lion|grannysmith|paratrooper|roll-call|signs|obelisk|tractor|body_parts|clothes/armor|pengwin"
)
_LARGEST = 800
_SAME = 3.0  # mean difference of two pictures shrunk to 8 x 8


def main() -> None:
    """Fetch, shrink, leave out doubles, write."""
    out = Path(sys.argv[1])
    (out / "cutouts").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        _wallpapers(work, out)
        _textures(work, out)
        _cutouts(work, out / "cutouts")
        _rooms(work, out)
    print(f"{len(list(out.glob('*.png')))} backgrounds and {len(list(out.glob('cutouts/*.png')))} cut-outs in {out}")


def _unpacked(package: str, work: Path) -> Path:
    subprocess.run(["apt-get", "download", "-q", package], cwd=work, check=True)
    (archive,) = work.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, work / package], check=True)
    return work / package


def _wallpapers(work: Path, out: Path) -> None:
    seen: list[NDArray[np.float32]] = []
    for package in _WALLPAPERS:
        for path in _pictures(_unpacked(package, work), 60_000):
            grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if grey is None or min(grey.shape) < 300:
                continue
            tiny = cv2.resize(grey, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32)
            if any(np.abs(tiny - other).mean() < _SAME for other in seen):
                continue
            seen.append(tiny)
            _save(grey, out / f"wallpaper-{len(seen):03d}-{_plain(path)}.png")


def _textures(work: Path, out: Path) -> None:
    folder = _unpacked(_TEXTURES, work)
    (packed,) = folder.rglob("*.pk3")
    with zipfile.ZipFile(packed) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".jpg") or _NOT.search("/" + name):
                continue
            grey = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
            if grey is not None and min(grey.shape) >= 200 and grey.std() > 6:
                _save(grey, out / f"texture-{name.replace('/', '-')[9:-4]}.png")


def _cutouts(work: Path, out: Path) -> None:
    root = _unpacked(_CUTOUTS, work)
    for path in _pictures(root, 15_000):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if _NOT_CUTOUTS.search(str(path)) or picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            continue
        scale = min(1.0, 240 / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(out / f"{_plain(path.parent)}-{_plain(path)}.png"), small)


def _rooms(work: Path, out: Path) -> None:
    """Views into photographed surroundings: halls, rooms, streets."""
    subprocess.run(["npm", "pack", "--silent", _ROOMS], cwd=work, check=True)
    (archive,) = work.glob("pmndrs-assets-*.tgz")
    subprocess.run(["tar", "xzf", archive], cwd=work, check=True)
    for path in sorted((work / "package" / "hdri").glob("*.exr.js")):
        found = re.search(r"base64,([A-Za-z0-9+/=]+)", path.read_text())
        if found is None:
            continue
        light = cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), cv2.IMREAD_UNCHANGED)[:, :, :3]
        light = np.nan_to_num(light.astype(np.float32), posinf=1e4)
        shown = np.clip(light / np.percentile(light, 92), 0, 1) ** (1 / 2.2) * 255
        around = cv2.cvtColor(shown.astype(np.uint8), cv2.COLOR_BGR2GRAY)
        for turn in range(0, 360, 60):
            for tilt in (-12, 15):
                _save(_view(around, turn, tilt), out / f"room-{path.name[:-7]}-{turn}-{tilt}.png")


def _view(around: NDArray[np.uint8], turn: float, tilt: float) -> NDArray[np.uint8]:
    """What a camera sees in an all-round picture: 480 x 360, 70 degrees wide."""
    height, width = around.shape
    far = 240 / np.tan(np.radians(35))
    x, y = np.meshgrid(np.arange(480) - 240.0, np.arange(360) - 180.0)
    length = np.sqrt(x * x + y * y + far * far)
    x, y, z = x / length, y / length, far / length
    up = np.radians(tilt)
    y, z = y * np.cos(up) + z * np.sin(up), z * np.cos(up) - y * np.sin(up)
    column = ((np.arctan2(x, z) + np.radians(turn)) / (2 * np.pi) + 0.5) % 1 * width
    row = (np.arcsin(np.clip(y, -1, 1)) / np.pi + 0.5) * height
    view = cv2.remap(around, column.astype(np.float32), row.astype(np.float32), cv2.INTER_CUBIC)
    return np.asarray(view, np.uint8)


def _pictures(folder: Path, least_bytes: int) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in {".jpg", ".png", ".webp"}
        and not path.is_symlink()
        and path.stat().st_size >= least_bytes
        and not _NOT.search(str(path.relative_to(folder)))
    )


def _save(grey: NDArray[np.uint8], path: Path) -> None:
    scale = min(1.0, _LARGEST / max(grey.shape))
    cv2.imwrite(str(path), cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _plain(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", path.stem)[:40]


if __name__ == "__main__":
    main()
