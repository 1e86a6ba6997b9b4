"""From `microphone.source` to the microphone that it names."""

from __future__ import annotations

from pathlib import Path

from edge.capture.base import NoSource, SoundSource
from edge.capture.portaudio import PortAudioMicrophone
from edge.capture.soundfiles import SUFFIXES, SoundFile
from edge.config.schema import MicrophoneConfig
from edge.device.clock import Clock


def microphone(settings: MicrophoneConfig, clock: Clock) -> SoundSource:
    """The source that `settings.source` names, not yet opened."""
    source = settings.source.strip()
    if source == "none":
        return NoSource("microphone")
    path = Path(source).expanduser()
    if path.suffix.lower() in SUFFIXES or path.is_file():
        return SoundFile(path)
    return PortAudioMicrophone("" if source == "auto" else source, clock)
