"""Emotion Edge: how the people in front of a small device seem to feel, told on MQTT, media kept in.

As a library, with nothing sent anywhere:

    from edge import Face, Speech, Text, Pipeline, subscribe

`Face`, `Speech` and `Text` judge one picture, one clip and some words; a `Pipeline` takes frames and sound as they come
and gives the messages that the service would publish; `subscribe` iterates over the messages of a service elsewhere.
What is not used is not imported: `import edge` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edge.version import __version__

if TYPE_CHECKING:
    from edge.api.answers import FaceEmotion, SpeechEmotion, TextEmotion
    from edge.api.classify import Face, Speech, Text
    from edge.api.pipeline import Message, Pipeline
    from edge.api.subscription import subscribe
    from edge.errors import EdgeError
    from edge.readings import LABELS

__all__ = [
    "LABELS", "EdgeError", "Face", "FaceEmotion", "Message", "Pipeline", "Speech", "SpeechEmotion", "Text",
    "TextEmotion", "__version__", "subscribe",
]  # fmt: skip

_MODULES = {
    "LABELS": "edge.readings",
    "EdgeError": "edge.errors",
    "Face": "edge.api.classify",
    "FaceEmotion": "edge.api.answers",
    "Message": "edge.api.pipeline",
    "Pipeline": "edge.api.pipeline",
    "Speech": "edge.api.classify",
    "SpeechEmotion": "edge.api.answers",
    "Text": "edge.api.classify",
    "TextEmotion": "edge.api.answers",
    "subscribe": "edge.api.subscription",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return __all__
