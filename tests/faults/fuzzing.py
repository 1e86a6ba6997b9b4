"""What is fuzzed: bytes in, and nothing may happen but what the code promises. Each function raises if it does.

`scripts/fuzz` drives them guided by coverage; inputs that it found are kept in `inputs/` and tried again by the tests.
"""

from __future__ import annotations

import copy
import json
import math
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.capture.soundfiles import read_sound
from edge.config import keys, overrides
from edge.config.load import load
from edge.config.schema import Config
from edge.config.secrets import public
from edge.device import resources
from edge.emotion.fusion import learned_weights
from edge.errors import ConfigError, EdgeError, MediaError
from edge.face.classify import FaceClassifier
from edge.inference import Manifest, Tensor
from edge.messages import commands
from edge.messages.commands import Command, Refusal
from edge.messages.payloads import ResponsePayload
from edge.messages.topics import kind_of
from edge.readings import SAMPLE_RATE
from edge.speech.classifier import Classifier

MOST_SOUND_S = 600
Loader = Callable[[Path], object]


@cache
def folder() -> Path:
    """In memory where there is such a place: these files are written thousands of times a second."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own below it
    return Path(tempfile.mkdtemp(prefix="emotion-edge-fuzz-", dir=shared if shared.is_dir() else None))


def _in_words(error: EdgeError) -> None:
    assert str(error).strip()


def command(data: bytes) -> None:
    """The first line is the topic, below base and device, the rest the payload."""
    topic, _, payload = data.partition(b"\n")
    found = commands.parse(topic.decode("utf-8", "replace"), payload, retained=False)
    if isinstance(found, Refusal):
        answer = ResponsePayload(status="error", error=found.error, transaction=found.transaction)
        msgspec.json.encode(answer)
        assert kind_of(f"response/{found.name}").payload is ResponsePayload
        assert not set(found.name) & set("+#/\0"), found.name
        assert found.error.isprintable(), found.error
        assert len(found.error) < 500, found.error
    elif isinstance(found, Command):
        assert found.kind in {"privacy", "config", "request"}
        if found.kind == "privacy":
            assert found.value in {True, False}
        elif found.kind == "config":
            _change(found)


def _change(asked: Command) -> None:
    try:
        changed = overrides.with_changes(Config(), {asked.name: asked.value})
    except ConfigError as error:
        _in_words(error)
        return
    assert keys.is_remote(asked.name), asked.name
    json.dumps(public(changed))


def config(data: bytes) -> None:
    """A config file; and the same bytes as the file of live changes, which can never stop a start."""
    path = folder() / "config.toml"
    path.write_bytes(data)
    try:
        loaded = load(path, board="laptop")
    except ConfigError as error:
        _in_words(error)
    else:
        _usable(loaded.config)
    _usable(load(None, overrides=path, board="laptop").config)


def _usable(found: Config) -> None:
    for value in keys.values(found).values():
        assert not isinstance(value, float) or math.isfinite(value)
    msgspec.json.encode(public(found))


def manifest(data: bytes) -> None:
    """Model folders with the shipped models and other manifests beside them.

    What begins with `{` is the manifest itself; else the bytes say what is changed in the shipped one.
    """
    loaders: dict[str, Loader] = {"face": _face, "speech": Classifier, "fusion": learned_weights}
    for name, load_it in loaders.items():
        model = folder() / name
        if not model.exists():
            shutil.copytree(resources.models() / name, model, ignore=shutil.ignore_patterns("*.png", "*.py", "*.md"))
        shipped = resources.models() / name / "manifest.json"
        (model / "manifest.json").write_bytes(data if data[:1] == b"{" else _changed(shipped.read_bytes(), data))
        try:
            load_it(model)
        except EdgeError as error:
            _in_words(error)


def _face(model: Path) -> None:
    probabilities = FaceClassifier(model).classify(np.arange(60 * 60, dtype=np.uint32).astype(np.uint8).reshape(60, 60))
    assert abs(sum(probabilities) - 1.0) < 0.001


def _changed(text: bytes, data: bytes) -> bytes:
    """Three bytes each: where, one step down or two, and what is put there."""
    document = json.loads(text)
    odd: list[Any] = [
        None, True, 0, -1, 1e308, -1e-308, 2**63, "", "..", "/etc/passwd", "\0", [], {}, [[]], {"a": 1},
        "face.tflite", "int8", "float32", [1, 48, 48, 1], data.decode("latin-1"),
    ]  # fmt: skip
    for first, second, choice in zip(data[::3], data[1::3], data[2::3], strict=False):
        names = sorted(document)
        if not names:
            break
        name, value = names[first % len(names)], copy.deepcopy(odd[choice % len(odd)])
        inner = document[name]
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and second % 2:
            fields = sorted(inner[0])
            inner[0][fields[second // 2 % len(fields)]] = value
        elif isinstance(inner, dict) and inner and second % 2:
            inner[sorted(inner)[second // 2 % len(inner)]] = value
        elif second % 16 == 0:
            del document[name]
        else:
            document[name] = value
    return json.dumps(document).encode()


def wav(data: bytes) -> None:
    """A WAV file, read to its end as a recording is."""
    path = folder() / "sound.wav"
    path.write_bytes(b"RIFF" + data[:4].ljust(4, b"\0") + b"WAVE" + data[4:])
    try:
        samples = read_sound(path)
    except MediaError as error:
        _in_words(error)
        return
    except EdgeError:
        return  # a coding that needs the package soundfile
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert len(samples) <= MOST_SOUND_S * SAMPLE_RATE


TARGETS: dict[str, Callable[[bytes], None]] = {
    "command": command,
    "config": config,
    "manifest": manifest,
    "wav": wav,
}


def seeds(target: str) -> list[bytes]:
    """Where the fuzzer begins."""
    if target == "command":
        lines = [
            b"privacy/set\nON", b'privacy/set\n{"value": "OFF", "transaction": 7}', b"config/decision.enter/set\n0.6",
            b'config/log.level/set\n"debug"', b'config/face.prior/set\n{"happy": 0.5}', b"request/info\n",
            b'request/reset\n{"key": "decision.enter", "transaction": "t"}', b"config/decision.exit/set\nnull",
            b"config/publish.modalities/set\ntrue", b"config/limits.max_cpu_percent/set\n1e2", b"request/health\n[[1]]",
            b'config/speech.prior/set\n{"value": {"sad": -1}, "transaction": 1}',
        ]  # fmt: skip
        return [*lines, *(f"config/{key}/set\n1".encode() for key in keys.types())]
    if target == "config":
        default = (resources.firmware_config() / "default.toml").read_bytes()
        boards = [path.read_bytes() for path in sorted((resources.firmware_config() / "boards").glob("*.toml"))]
        sections = default.replace(b"\n#", b"\n").split(b"\n\n\n")
        return [default, *sections, *boards]
    if target == "manifest":
        shipped = [
            (resources.models() / name / "manifest.json").read_bytes()
            for name in ("finder", "face", "speech", "fusion")
        ]
        return [*shipped, *(bytes([place, step, value]) for place in range(11) for step in (1, 3) for value in (0, 7))]
    return [_wav(*kind) for kind in ((1, 16, 1), (1, 24, 2), (3, 32, 1), (1, 8, 1), (3, 64, 2), (0xFFFE, 16, 1))]


def words(target: str) -> list[str]:
    """Hints for the fuzzer: what it would take long to guess."""
    if target in {"command", "config"}:
        sections = {key.partition(".")[0] for key in keys.types()}
        return [*keys.types(), *sorted(sections), "transaction", "value", "/set", "true", "null", "nan", "1e999"]
    if target == "manifest":
        return [*Manifest.__struct_fields__, *Tensor.__struct_fields__, "int8", "float32", "null", "1e999", "../"]
    return ["fmt ", "data", "LIST", "\\x01\\x00", "\\x03\\x00", "\\xfe\\xff", "\\xff\\xff\\xff\\xff"]


def _wav(coding: int, bits: int, channels: int, rate: int = 48_000) -> bytes:
    """From the size field on, without the magic words that `wav` puts in front."""
    width = bits // 8 * channels
    form = b"".join(
        number.to_bytes(size, "little")
        for number, size in (
            (coding, 2), (channels, 2), (rate, 4), (rate * width, 4), (width, 2), (bits, 2),
        )
    )  # fmt: skip
    if coding == 0xFFFE:
        form += (22).to_bytes(2, "little") + bits.to_bytes(2, "little") + b"\0\0\0\0" + b"\1\0" + b"\0" * 14
    sound = bytes(range(256)) * 8
    chunks = b"fmt " + len(form).to_bytes(4, "little") + form + b"data" + len(sound).to_bytes(4, "little") + sound
    return (len(chunks) + 4).to_bytes(4, "little") + chunks
