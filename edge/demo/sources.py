"""Cameras and microphones by the names of the config, the sample scene among them."""

from __future__ import annotations

from collections.abc import Callable

from edge.capture import cameras, microphones
from edge.capture.base import FrameSource, SoundSource
from edge.capture.stream import CameraStream, StreamCamera, StreamMicrophone, is_stream
from edge.config.schema import CameraConfig, Config, MicrophoneConfig
from edge.device.clock import Clock

SAMPLE = "sample"
OF_CAMERA = "camera"  # microphone.source: the sound of the network camera


def factories(config: Config, clock: Clock) -> tuple[Callable[[], FrameSource], Callable[[], SoundSource]]:
    """What makes the camera and the microphone of `config`; a network camera with sound is one connection for both."""
    wanted, address = config.microphone.source.strip(), config.camera.source.strip()
    if config.camera.enabled and config.microphone.enabled and is_stream(address) and wanted in {OF_CAMERA, address}:
        stream = CameraStream(address, config.camera, clock, picture=True, sound=True)
        return lambda: StreamCamera(stream, config.camera), lambda: StreamMicrophone(stream)
    return lambda: camera(config.camera, clock), lambda: microphone(config.microphone, clock, config.camera)


def camera(settings: CameraConfig, clock: Clock) -> FrameSource:
    """The source that `settings.source` names, not yet opened."""
    if settings.source.strip() != SAMPLE:
        return cameras.camera(settings, clock)
    from edge.demo.sample import SampleScene

    return SampleScene(settings)


def microphone(settings: MicrophoneConfig, clock: Clock, beside: CameraConfig | None = None) -> SoundSource:
    """The source that `settings.source` names, not yet opened; `beside` is the camera whose sound may be meant."""
    source = settings.source.strip()
    if source == SAMPLE:
        from edge.demo.sample import SampleVoice

        return SampleVoice()
    address = beside.source.strip() if source == OF_CAMERA and beside is not None else source
    if is_stream(address):
        return StreamMicrophone(CameraStream(address, CameraConfig(), clock, picture=False, sound=True))
    return microphones.microphone(settings, clock)
