"""`emotion-edge classify face|speech PATH...`, `classify text WORDS...`: one JSON line for each on stdout."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import MediaError
from edge.readings import LABELS, Box, Probabilities

if TYPE_CHECKING:  # slow to load; only what is asked for is
    from edge.face.batch import FaceResult
    from edge.speech.batch import ClipResult
    from edge.text.classifier import Judged

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}
_POOR = 0.45  # of a part of quality: below it is named as a doubt
_SHORT_S = 1.0
_NOISY_DB = 8.0
SOUNDS = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au"}


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("classify")
    parser.add_argument("what", choices=("face", "speech", "text"))
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files or folders; text: the words, or - for stdin")
    parser.add_argument("--cropped", action="store_true", help="the pictures are face crops already")
    parser.add_argument(
        "--eight", action="store_true", help="speech: also tell calm from neutral, to compare on RAVDESS"
    )
    parser.add_argument("--why", action="store_true", help="also what moved each answer, in numbers and in a sentence")
    parser.add_argument(
        "--model", type=Path, help="folder with a manifest.json, instead of the model that the service uses"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.what == "text":
        return _texts(_lines(arguments.paths), arguments.model, why=arguments.why)
    if arguments.what == "face":
        describe, endings = _faces(arguments.model, cropped=arguments.cropped, why=arguments.why), PICTURES
    else:
        describe, endings = _voice(arguments.model, eight=arguments.eight, why=arguments.why), SOUNDS
    failed = False
    for file in _files([Path(path) for path in arguments.paths], endings):
        line: dict[str, Any] = {"file": str(file)}
        try:
            line |= describe(file)
        except MediaError as error:
            line["error"] = str(error)
            failed = True
        print(json.dumps(line), flush=True)
    return 1 if failed else 0


def _files(paths: list[Path], endings: set[str]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in endings and p.is_file())
            if not found:
                raise MediaError(f"{path}: nothing to classify in this folder ({', '.join(sorted(endings))})")
            yield from found
        else:
            yield path


def _lines(words: Iterable[str]) -> Iterator[str]:
    for one in words:
        if one == "-":
            yield from (line.rstrip("\n") for line in sys.stdin)
        else:
            yield one


def _texts(texts: Iterable[str], model: Path | None, *, why: bool) -> int:
    """The evidence, what it comes to where feelings are as common as in everyday talk, and whether it claims any."""
    from edge.inference import softmax
    from edge.text.classifier import TextClassifier

    classifier = TextClassifier(model or _in_use("text"))
    for text in texts:
        logits = classifier.logits(text)
        line: dict[str, Any] = {"text": text, "probabilities": None, "natural": None, "quality": 0.0}
        if logits is not None:
            judged = classifier.judged(logits)
            natural = softmax((logits / classifier.temperature + classifier.natural_prior).astype("float32"))
            line |= {"probabilities": _named(judged.probabilities), "natural": _named(natural)}
            line["quality"] = round(judged.quality, 4)
        if why:
            line |= _why_text(None if logits is None else judged)
        print(json.dumps(line), flush=True)
    return 0


def _named(probabilities: Probabilities, labels: Sequence[str] = LABELS) -> dict[str, float]:
    return {label: round(p, 6) for label, p in zip(labels, probabilities, strict=True)}


def _pixels(box: Box) -> list[float]:
    return [round(side, 1) for side in (box.x, box.y, box.width, box.height)]


def _in_use(name: str) -> Path:
    """The model that the service uses."""
    from edge.device import paths
    from edge.modelstore.store import choose, log_chosen

    config = paths.config_file()
    choice = choose(name, paths.model_store(config, paths.state_of(config)))
    log_chosen({name: choice})
    return choice.folder


def _why_face(face: FaceResult) -> dict[str, Any]:
    parts = {"size": face.detail.size, "sharpness": face.detail.sharpness, "light": face.detail.light}
    wrong = {"size": "the face is small", "sharpness": "it is blurred", "light": "it is too dark or too bright"}
    doubts = [wrong[name] for name, value in parts.items() if value < _POOR]
    quality = {name: round(value, 2) for name, value in parts.items()}
    return _why(face.probabilities, quality, doubts)


def _why_voice(clip: ClipResult) -> dict[str, Any]:
    if clip.probabilities is None:
        return {"why": None, "because": "no voice is heard, or too little of it"}
    doubts = [f"{clip.voiced_s:.1f} s of voice are little"] if clip.voiced_s < _SHORT_S else []
    doubts += ["the voice hardly stands out of the noise"] if clip.snr_db < _NOISY_DB else []
    quality = {"overall": round(clip.quality, 2), "snr_db": round(clip.snr_db, 1)}
    return _why(clip.probabilities, quality, doubts)


def _why_text(judged: Judged | None) -> dict[str, Any]:
    if judged is None:
        return {"why": None, "because": "there is no word in it"}
    said = _why(judged.probabilities, {"overall": round(judged.quality, 2)}, [])
    return said if judged.claims else {**said, "because": f"{said['because']}; it claims no feeling clearly"}


def _why(probabilities: Probabilities, quality: dict[str, float], doubts: Sequence[str]) -> dict[str, Any]:
    """The winner, the runner-up and what is wrong with what was judged."""
    (p, label), (second_p, second) = sorted(zip(probabilities, LABELS, strict=True), key=lambda each: -each[0])[:2]
    sentence = f"{label} at {100 * p:.0f} %, {100 * (p - second_p):.0f} points ahead of {second}"
    if doubts:
        sentence += f"; doubtful, because {' and '.join(doubts)}"
    return {
        "why": {"label": label, "p": round(p, 4), "second": second, "second_p": round(second_p, 4), "quality": quality},
        "because": sentence,
    }


def _faces(model: Path | None, *, cropped: bool, why: bool) -> Callable[[Path], dict[str, Any]]:
    from edge.capture.recordings import read_image
    from edge.face.batch import classify_picture
    from edge.face.classify import FaceClassifier
    from edge.face.finder import SingleShot

    classifier = FaceClassifier(model or _in_use("face"))
    find = SingleShot(folder=_in_use("finder"))

    def describe(file: Path) -> dict[str, Any]:
        image = read_image(file)
        faces = classify_picture(image, classifier, find, cropped=cropped)
        return {
            "faces": [
                {
                    "box": None if face.box is None else _pixels(face.box),
                    "score": round(face.score, 4),
                    "quality": round(face.quality, 4),
                    "probabilities": _named(face.probabilities),
                    **(_why_face(face) if why else {}),
                }
                for face in faces
            ]
        }

    return describe


def _voice(model: Path | None, *, eight: bool, why: bool) -> Callable[[Path], dict[str, Any]]:
    from edge.capture.soundfiles import read_sound
    from edge.speech.batch import ClipClassifier
    from edge.speech.classifier import CLASSES

    clips = ClipClassifier(model or _in_use("speech"))

    def describe(file: Path) -> dict[str, Any]:
        result = clips.classify(read_sound(file))
        line: dict[str, Any] = {
            "probabilities": None if result.probabilities is None else _named(result.probabilities),
            "voiced_s": round(result.voiced_s, 3),
        }
        if why:
            line |= _why_voice(result)
        if eight:
            found = clips.classifier.eight(result.sums)
            line["eight"] = None if found is None else _named(found, CLASSES)
        return line

    return describe
