"""The shipped default file says of every key what it is, and says it truly."""

from __future__ import annotations

import re

from edge.config import keys
from edge.config.files import parse
from edge.config.load import checked, load
from edge.config.schema import Config
from edge.config.values import allowed
from edge.device import resources

PATH = resources.firmware_config() / "default.toml"
TEXT = PATH.read_text("utf-8")
UNCOMMENTED = re.sub(r"(?m)^#(?=[a-z_]+ = )", "", TEXT)


def test_it_loads_to_exactly_the_defaults() -> None:
    loaded = load(PATH, board="pi5")
    assert loaded.config == Config()
    assert loaded.warnings == ()


def test_every_key_is_mentioned_once_with_its_default() -> None:
    values, wrong = checked(parse(UNCOMMENTED))
    assert wrong == []
    assert list(values) == list(keys.types())  # in the order of the schema
    for key, default in keys.values(Config()).items():
        if default is None:
            continue  # the line is an example; that it is valid was checked above
        assert values[key] == default, key


def test_every_key_has_a_comment_above_it() -> None:
    commented = False
    for line in TEXT.splitlines():
        if line.startswith("# "):
            commented = True
        elif not line or line.startswith("["):
            commented = False
        else:
            assert commented, line


def test_every_bound_and_choice_is_told() -> None:
    """The numbers in a key's comment block are those of its type."""
    for key, hint in keys.types().items():
        section, _, name = key.rpartition(".")
        start = TEXT.index(f"\n[{section}]\n") if section else 0
        end = re.search(rf"(?m)^#?{name} = ", TEXT[start:])
        assert end is not None, key
        block = TEXT[start : start + end.start()].rpartition("\n\n")[2]
        for number in re.findall(r"(?:from|above|to) (-?[\d.]+)", allowed(hint)):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\.?\d)", block), f"{key}: {number} is not told"
        if "from" not in allowed(hint):
            for choice in re.findall(r'"([\w.]+)", |, "([\w.]+)"', allowed(hint)):
                assert "".join(choice) in block, f"{key}: {choice} is not told"


def test_what_is_live_is_said_to_be_live() -> None:
    for key in keys.types():
        section, _, name = key.rpartition(".")
        if not section:
            continue
        start = TEXT.index(f"\n[{section}]\n")
        end = re.search(rf"(?m)^#?{name} = ", TEXT[start:])
        assert end is not None
        block = TEXT[start : start + end.start()].rpartition("\n\n")[2]
        assert ("Live" in block) == keys.is_live(key), key
