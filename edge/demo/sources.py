"""Cameras and microphones by the names of the config, the sample scene among them."""

from __future__ import annotations

from edge.capture import cameras, microphones
from edge.capture.base import FrameSource, SoundSource
from edge.config.schema import CameraConfig, MicrophoneConfig
from edge.device.clock import Clock

SAMPLE = "sample"


def camera(settings: CameraConfig, clock: Clock) -> FrameSource:
    """The source that `settings.source` names, not yet opened."""
    if settings.source.strip() != SAMPLE:
        return cameras.camera(settings, clock)
    from edge.demo.sample import SampleScene

    return SampleScene(settings)


def microphone(settings: MicrophoneConfig, clock: Clock) -> SoundSource:
    """The source that `settings.source` names, not yet opened."""
    if settings.source.strip() != SAMPLE:
        return microphones.microphone(settings, clock)
    from edge.demo.sample import SampleVoice

    return SampleVoice()
