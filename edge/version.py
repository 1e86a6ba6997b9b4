"""The version, in one place: the package, the messages and the release scripts read it here."""

__version__ = "0.1.0"
