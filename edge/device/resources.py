"""Where models, default config and schemas are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def _folder(name: str) -> Path:
    shipped = _PACKAGE / "_shipped" / name  # where the wheel puts them, see pyproject.toml
    return shipped if shipped.is_dir() else _PACKAGE.parent / name


def models() -> Path:
    """The folder with one folder per model."""
    return _folder("models")


def firmware_config() -> Path:
    """The folder with the default config, presets, schemas and samples."""
    return _folder("firmware_config")
