"""From `microphone.source` to the microphone that it names."""

from __future__ import annotations

from pathlib import Path

from edge.capture.base import NoSource, SoundSource
from edge.capture.portaudio import Microphone as PortAudioMicrophone
from edge.capture.soundfiles import SUFFIXES, SoundFile
from edge.clock import Clock
from edge.config.schema import Microphone


def microphone(settings: Microphone, clock: Clock) -> SoundSource:
    """The source that `settings.source` names, not yet opened."""
    source = settings.source.strip()
    if source == "none":
        return NoSource("microphone")
    if source == "sample":
        from edge.capture.sample import SampleVoice

        return SampleVoice()
    path = Path(source).expanduser()
    if path.suffix.lower() in SUFFIXES or path.is_file():
        return SoundFile(path)
    return PortAudioMicrophone("" if source == "auto" else source, clock)
