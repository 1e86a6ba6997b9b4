"""The service with a fault in it, for tests: `python -m tests.faults.broken run ...`.

What is wrong is said by the first word of the file that EMOTION_EDGE_BREAK names, at any time: `face raises`,
`face hangs`, `speech raises`, `publisher raises`, `loop hangs`, or nothing.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge import cli
from edge.emotion.scene import Scene
from edge.face.path import FacePath
from edge.mqtt.publisher import Publisher
from edge.speech.path import SpeechPath


def _breaks(where: str, work: Callable[..., Any]) -> Callable[..., Any]:
    file = Path(os.environ["EMOTION_EDGE_BREAK"])

    def broken(*arguments: Any, **more: Any) -> Any:
        fault = file.read_text().strip()
        if fault == f"{where} raises once":
            file.write_text("")
            raise RuntimeError("injected")
        if fault == f"{where} raises":
            raise RuntimeError("injected")
        if fault == f"{where} hangs":
            threading.Event().wait()
        return work(*arguments, **more)

    return broken


def main() -> int:
    FacePath.process = _breaks("face", FacePath.process)  # type: ignore[method-assign]
    SpeechPath.process = _breaks("speech", SpeechPath.process)  # type: ignore[method-assign]
    Scene.tick = _breaks("loop", Scene.tick)  # type: ignore[method-assign]
    Publisher._turn = _breaks("publisher", Publisher._turn)  # type: ignore[method-assign]
    return int(cli.main() or 0)


if __name__ == "__main__":
    sys.exit(main())
