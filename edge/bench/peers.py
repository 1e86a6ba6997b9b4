"""Contestants of `emotion-edge bench --compare`, each run as a script of its own by the Python that has it installed.

stdin: one JSON line per picture, {"path", "box" or null, "cropped"}; stdout: a line about the start, then one line
per picture: {"ms", "probabilities" of our labels, or null when no face was found}. Nothing of this package may be
imported here before it is known that this Python has it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

Box = list[float]  # x, y, width, height
Answer = dict[str, float] | None
Judge = Callable[[Any, "Box | None", bool], Answer]

_FER_LABELS = {
    "neutral": "neutral", "happy": "happy", "sad": "sad", "angry": "angry", "fear": "fearful", "disgust": "disgusted",
    "surprise": "surprised",
}  # fmt: skip


def ours() -> tuple[str, Judge]:
    """Emotion Edge: its finder, its crop, its model."""
    from edge.face.batch import classify_picture
    from edge.face.classify import FaceClassifier
    from edge.face.crop import crop_face
    from edge.face.finder import SingleShot
    from edge.readings import LABELS
    from edge.readings import Box as OurBox
    from edge.version import __version__

    classifier, find = FaceClassifier(), SingleShot()

    def judge(image: Any, box: Box | None, cropped: bool) -> Answer:
        if box is not None and not cropped:
            crop = crop_face(image, OurBox(*box), classifier.side, classifier.margin)
            return dict(zip(LABELS, classifier.classify_both_ways(crop), strict=True))
        faces = classify_picture(image, classifier, find, cropped=cropped)
        return dict(zip(LABELS, faces[0].probabilities, strict=True)) if faces else None

    return f"Emotion Edge {__version__}", judge


def fer() -> tuple[str, Judge]:
    """The package `fer`: Haar cascade and its Keras model, as its documentation uses it."""
    from importlib.metadata import version

    from fer.fer import FER

    detector, bare = FER(), FER(offsets=(0, 0))  # pictures that are cropped already have nothing around the face

    def judge(image: Any, box: Box | None, cropped: bool) -> Answer:
        if cropped:
            height, width = image.shape[:2]
            faces = bare.detect_emotions(image, face_rectangles=[[0, 0, width, height]])
        elif box is not None:
            faces = detector.detect_emotions(image, face_rectangles=[[round(value) for value in box]])
        else:
            faces = detector.detect_emotions(image)
        if not faces:
            return None
        largest = max(faces, key=lambda face: face["box"][2] * face["box"][3])
        return {ours: float(largest["emotions"][theirs]) for theirs, ours in _FER_LABELS.items()}

    return f"fer {version('fer')}", judge


CONTESTANTS = {"ours": ours, "fer": fer}


def main() -> None:
    """`peers.py NAME CORE`."""
    name, core = sys.argv[1], int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes with the errors
    began = time.perf_counter()
    title, judge = CONTESTANTS[name]()
    import cv2

    cv2.setNumThreads(1)
    loaded = time.perf_counter() - began
    print(json.dumps({"title": title, "start_s": loaded}), file=answers, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        image = cv2.imread(task["path"])
        if image is None:
            print(json.dumps({"ms": 0.0, "probabilities": None, "error": "cannot be read"}), file=answers, flush=True)
            continue
        began = time.perf_counter()
        probabilities = judge(image, task["box"], task["cropped"])
        spent = 1000 * (time.perf_counter() - began)
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"ms": spent, "probabilities": probabilities, "mb": megabytes}), file=answers, flush=True)


if __name__ == "__main__":
    main()
