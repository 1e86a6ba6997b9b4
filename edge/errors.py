"""The exceptions of the service: few, each with one clear line for a person and the remedy in it."""

from __future__ import annotations


class EdgeError(Exception):
    """Something a user can understand; `str()` of it is the line that is shown."""

    exit_status = 1


class ConfigError(EdgeError):
    """The configuration cannot be used. systemd does not restart a service that ends with 78 (EX_CONFIG)."""

    exit_status = 78


class MissingPackage(EdgeError):
    """An optional package is not installed; the message says which and how to get it."""


class ModelError(EdgeError):
    """A model file is absent, altered or not what its manifest says."""


class SignatureError(EdgeError):
    """Nobody whom the owner trusts has signed it, or it cannot be told."""


class UpdateError(EdgeError):
    """A job of the fleet cannot be carried out; the device stays as it is."""


class MediaError(EdgeError):
    """A picture or sound file cannot be read."""


class CaptureError(EdgeError):
    """A camera or microphone cannot be opened, or failed; the message is the published reason."""


class SourceEnded(CaptureError):
    """A recording came to its end. Not a fault: replay stops here, the service starts over."""


class BrokerError(EdgeError):
    """The broker cannot be reached or does not accept us."""


class StorageError(EdgeError):
    """State cannot be read or kept: no space, no permission, a damaged file."""
