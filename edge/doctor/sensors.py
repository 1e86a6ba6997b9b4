"""A device is opened for a moment, as the service does it, and judged by what it delivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from edge.capture.base import FrameSource, SoundSource
from edge.config.schema import Config
from edge.device.service_user import rights_of_service
from edge.doctor.findings import Finding, Level, Subject
from edge.doctor.holders import must_not_open, named, split
from edge.errors import EdgeError

Judgement = tuple[Level, str, str]  # level, what is said, remedy
S = TypeVar("S", bound=FrameSource | SoundSource)


def examine(
    subject: Subject,
    sense: Literal["camera", "microphone"],
    device: str,
    source: Callable[[Config], S],
    judge: Callable[[S, Config], Judgement],
) -> Iterator[Finding]:
    """`sense` is its check and its section of the config; `device` is how the paths of its devices begin."""
    if subject.loaded is None:
        return
    config = subject.loaded.config
    settings = config.camera if sense == "camera" else config.microphone
    held = must_not_open(subject, sense, device, wanted=settings.enabled and settings.source != "none")
    if held:
        yield held
        return
    opened = source(config)
    try:
        with rights_of_service(subject.path):
            opened.open()
            found = judge(opened, config)
    except EdgeError as error:
        found = ("red", *split(named(str(error), device)))
    finally:
        opened.close()
    yield Finding(sense, *found)
