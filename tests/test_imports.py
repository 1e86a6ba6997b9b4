"""Imports run downwards: a room of edge/ knows only rooms below its own, and no two modules know each other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

DRAWING = re.compile(r"<!-- rooms -->\n```\n(.*?)\n```", re.DOTALL)


def drawn() -> tuple[tuple[str, ...], ...]:
    """The rooms as the architecture document draws them, from below."""
    found = DRAWING.search((ROOT / "edge" / "README.md").read_text("utf-8"))
    assert found is not None
    return tuple(tuple(line.split()) for line in reversed(found[1].splitlines()))


FLOORS = drawn()
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

Import = tuple[Path, int, str]  # the file, its line, the module that it imports


def test_every_room_has_its_floor() -> None:
    rooms = {path.stem for path in (ROOT / "edge").iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert rooms == set(FLOOR), "a room came or went: say in the drawing of edge/README.md where it stands"


def test_imports_run_downwards() -> None:
    upward = []
    for file, line, module in imports_of("edge"):
        here, there = room_of(file), [*module.split("."), "__init__"][1]
        if there not in FLOOR:
            there = "__init__"  # from edge import something
        if here != there and FLOOR[there] >= FLOOR[here]:
            upward.append(f"{file.relative_to(ROOT)}:{line}: {here} imports {module}")
    assert not upward, "\n".join(upward)


def test_the_service_knows_nothing_of_the_recipes_and_the_tests() -> None:
    outside = [
        f"{file.relative_to(ROOT)}:{line}: {module}"
        for file, line, module in imports_of("edge", "models", "tests")
        if not module.startswith("edge")
    ]
    assert not outside, "\n".join(outside)


def test_no_modules_know_each_other() -> None:
    known = defaultdict(set)
    for folder in ("edge", "models"):
        for file, _, module in imports_of(folder, "edge", "models"):
            known[module_of(file)].add(module)
    circles = list(circles_in(known))
    assert not circles, "\n".join(circles)


def test_no_class_name_is_used_for_two_things() -> None:
    places = defaultdict(list)
    for file in sorted((ROOT / "edge").rglob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_tests_share_by_way_of_helpers() -> None:
    """A fixture comes by its name, a type or function from a helper: no test leans on another test's module."""
    leaning = [
        f"{file.relative_to(ROOT)}:{line}: {module}"
        for file, line, module in imports_of("tests")
        if module.rpartition(".")[2].startswith(("conftest", "test_", "plugin"))
    ]
    assert not leaning, "\n".join(leaning)


def imports_of(folder: str, *packages: str) -> Iterator[Import]:
    """Every import of one of `packages` (this folder's own if none is named), also those inside functions."""
    wanted = packages or (folder,)
    for file, line, name in _imports(folder):
        if name.split(".")[0] in wanted:
            yield file, line, name


@cache
def _imports(folder: str) -> list[Import]:
    found = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [(file, node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}:{node.lineno}: write imports in full"
                found += [(file, node.lineno, _as_module(f"{node.module}.{alias.name}")) for alias in node.names]
    return found


@cache
def _as_module(name: str) -> str:
    """`edge.errors.EdgeError` is imported from the module `edge.errors`."""
    while (
        "." in name and not (path := ROOT.joinpath(*name.split("."))).is_dir() and not path.with_suffix(".py").exists()
    ):
        name = name.rpartition(".")[0]
    return name


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(file: Path) -> str:
    return file.relative_to(ROOT / "edge").with_suffix("").parts[0]


def circles_in(known: dict[str, set[str]]) -> Iterator[str]:
    """Each way that leads from a module back to itself, told once."""
    done: set[str] = set()

    def follow(module: str, way: list[str]) -> Iterator[str]:
        if module in way:
            yield " → ".join([*way[way.index(module) :], module])
        elif module not in done:
            for other in sorted(known.get(module, ())):
                yield from follow(other, [*way, module])
            done.add(module)

    for module in sorted(known):
        yield from follow(module, [])
