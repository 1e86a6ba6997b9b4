"""Write docs/pages/reference/ from the code: `python docs/generate.py`; with --check it only compares.

The keys of the config, topics and payloads, the command line, what Home Assistant shows, and the Python API.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

os.environ["COLUMNS"] = "100"  # argparse wraps its help to the terminal

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGES = ROOT / "docs" / "pages" / "reference"
ACCURACY = ROOT / "docs" / "pages" / "explanation" / "accuracy.md"
NOTE = "<!-- Written by docs/generate.py; do not edit. -->\n\n"


def main() -> int:
    """Write every page, or name those that are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a page is out of date")
    check = parser.parse_args().check
    stale = []
    texts = {PAGES / name: NOTE + write().rstrip() + "\n" for name, write in WRITERS.items()}
    texts[ROOT / "README.md"] = readme_figures()
    texts[ACCURACY] = accuracy_figures()
    for name in WITH_PLACES:
        path = ROOT / name
        texts[path] = with_places(texts.get(path) or path.read_text("utf-8"), places())
    for path, text in texts.items():
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(path.name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if check and stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run python docs/generate.py\n")
    return int(check and bool(stale))


def config_page() -> str:
    """One table for each section of default.toml, whose comments explain the keys."""
    from edge.config import keys

    out = [
        "# Configuration keys",
        "",
        "Every key of `/etc/emotion-edge/config.toml`, from `firmware_config/default.toml`. A key that is marked live"
        " takes effect with `systemctl reload emotion-edge`; one that is marked MQTT may also be changed on"
        " `config/<key>/set`. The others need a restart. `emotion-edge check` shows what is in effect.",
    ]
    for section, entries in _sections((ROOT / "firmware_config" / "default.toml").read_text("utf-8")):
        out += ["", f"## {section}" if section else "## At the top of the file"]
        for comment, names in entries:
            out.append("")
            for name, value in names:
                key = f"{section}.{name}" if section else name
                marks = ["live"] * keys.is_live(key) + ["MQTT"] * keys.is_remote(key)
                out.append(f"### `{key}`" + (f" — {', '.join(marks)}" if marks else ""))
                out += ["", f"Default or example: `{value}`", ""]
            out += _prose(comment)
    return "\n".join(out)


def _sections(text: str) -> Iterator[tuple[str, list[tuple[list[str], list[tuple[str, str]]]]]]:
    section, entries, comment, names = "", [], [], []  # type: ignore[var-annotated]
    for line in [*text.splitlines(), "", "[end]"]:
        key = re.match(r"#?([a-z][a-z0-9_]*) = (.+)$", line)
        if key:
            names.append((key[1], key[2]))
            continue
        if not line.strip() or line.startswith("["):
            if names:
                entries.append((comment, names))
            comment, names = [], []
            if line.startswith("["):
                yield section, entries
                section, entries = line.strip("[]"), []
        elif line.startswith("#"):
            if names:  # a comment right below a key belongs to the next one
                entries.append((comment, names))
                comment, names = [], []
            comment.append(line[1:].removeprefix(" "))


def _prose(comment: list[str]) -> list[str]:
    """A comment as Markdown; its indented lines, a table by hand, stay as they are."""
    out: list[str] = []
    table = False
    for line in comment:
        if line.startswith("  ") != table:
            out += ["", "```text"] if not table else ["```", ""]
            table = not table
        out.append(line.removeprefix("  ") if table else line)
    return out + (["```"] if table else [])


def topics_page() -> str:
    """Every topic with its delivery, and the fields of its payload."""
    from edge.messages.topics import TOPICS

    folder = ROOT / "firmware_config" / "schema"
    out = [
        "# Topics and payloads",
        "",
        "Below `emotion/<device>/`, unless `mqtt.base` says otherwise. Every JSON payload has a schema in"
        " `firmware_config/schema/`; these tables are made from the same types. QoS 0 messages may be lost, QoS 1"
        " messages arrive at least once: `(session, seq)` of a topic tells doubles apart.",
        "",
        "| topic | QoS | retained | kept while the broker is away |",
        "|---|---|---|---|",
    ]
    for name, topic in TOPICS.items():
        yes_no = ("yes" if topic.retained else "no", "yes" if topic.keep else "no")
        out.append(f"| `{name}` | {topic.qos} | {yes_no[0]} | {yes_no[1]} |")
    for name in TOPICS:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        schema = json.loads(path.read_text("utf-8"))
        out += ["", f"## {name}", "", _sentence(schema.get("description", ""))]
        out += _fields(schema, schema)
        for kind, places in _objects(schema).items():
            part = schema["$defs"][kind]
            out += ["", f"{', '.join(f'`{place}`' for place in places)}: {_uncapitalised(part['description'])}"]
            out += _fields(part, schema)
    return "\n".join([*out, "", *_commands()])


def _fields(part: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """A table of what an object holds."""
    if "properties" not in part:
        return []
    out = ["", "| field | type | what |", "|---|---|---|"]
    for field, what in part["properties"].items():
        out.append(f"| `{field}` | {_type(what, schema)} | {what.get('description', '')} |")
    return out


def _objects(schema: dict[str, Any]) -> dict[str, list[str]]:
    """The objects within a payload, by name: the fields where each stands."""
    places: dict[str, list[str]] = {}

    def look(part: dict[str, Any], before: str) -> None:
        for field, what in part.get("properties", {}).items():
            for kind in re.findall(r"#/\$defs/(\w+)", json.dumps(what)):
                known = kind in places
                places.setdefault(kind, []).append(before + field)
                if not known:
                    look(schema["$defs"][kind], f"{before}{field}.")

    look(schema, "")
    return places


def _commands() -> list[str]:
    """What the service takes."""
    from edge.messages.commands import MAX_CHARACTERS, REQUESTS
    from edge.messages.topics import PRIVACY_COMMAND, TEXT_COMMAND

    requests = ", ".join(f"`{name}`" for name in REQUESTS)
    return [
        "## What it takes",
        "",
        "Retained messages are ignored: a broker would repeat a command that is long done. Everything else is answered"
        " below `response/`; a `transaction` in the JSON comes back with the answer.",
        "",
        "| topic | what | answered on |",
        "|---|---|---|",
        f"| `{PRIVACY_COMMAND}` | `ON` or `OFF` | `response/privacy` |",
        "| `config/<key>/set` | a value for a key that may change live; `null` gives the config's own back"
        " | `response/config` |",
        f"| `request/<name>` | JSON or nothing; one of {requests} | `response/<name>` |",
        f"| `{TEXT_COMMAND}` | words that were said, plain or as `text` in JSON, at most {MAX_CHARACTERS:,} characters;"
        " only with `text.enabled` | `response/text` |",
        "",
        "A fleet's documents come on topics of their own: [many devices](../how-to/many-devices.md).",
    ]


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] if not text.startswith("`") else text


def _type(what: dict[str, Any], schema: dict[str, Any]) -> str:  # noqa: PLR0911 - one line for each form of a schema
    """A JSON schema's type in a word or two."""
    if "$ref" in what:
        return _type(schema.get("$defs", {}).get(what["$ref"].rsplit("/", 1)[-1], {}), schema)
    if "const" in what:
        return f"`{json.dumps(what['const'])}`"
    if "enum" in what:
        return ", ".join(f"`{each}`" for each in what["enum"])
    for one in ("anyOf", "oneOf"):
        if one in what:
            return " or ".join(dict.fromkeys(_type(each, schema) for each in what[one]))
    kind = what.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        items = what.get("items")
        return f"list of {_type(items, schema)}" if isinstance(items, dict) and items else "list"
    values = what.get("additionalProperties")
    if kind == "object" and isinstance(values, dict) and values:
        return f"object of {_type(values, schema)}"
    if "minimum" in what and "maximum" in what:
        return f"{kind}, {what['minimum']} to {what['maximum']}"
    return str(kind)


def commands_page() -> str:
    """The help of every command."""
    from edge import cli

    out = ["# Command line", "", "`emotion-edge COMMAND`; each answers `--help`."]
    for name in cli.COMMANDS:
        # The parser of one command is built only when it is called for.
        parser = _choices(cli._parser(name))[name]
        out += ["", f"## {name}", "", *_help(parser)]
        alike: dict[str, list[str]] = {}  # by help: the parts that differ in name alone
        for part, given in _choices(parser).items():
            alike.setdefault(given.format_help().replace(f" {part} ", " PART "), []).append(part)
        for parts in alike.values():
            out += ["", f"### {name} {', '.join(parts)}", "", *_help(_choices(parser)[parts[0]])]
    return "\n".join(out)


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands, or the parts of a command."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(actions[0].choices) if actions else {}


def _help(parser: argparse.ArgumentParser) -> list[str]:
    return ["```text", parser.format_help().replace(str(Path.home()), "~").rstrip(), "```"]


def entities_page() -> str:
    """What MQTT discovery announces, for a device called living-room."""
    import msgspec

    from edge.config.schema import Config
    from edge.homeassistant.device import device
    from edge.homeassistant.discovery import device_payload
    from edge.messages.payloads import InfoPayload
    from edge.readings import LABELS

    info = InfoPayload(
        version="", device="living-room", board="Raspberry Pi 5", runtime="", python="", models={}, labels=LABELS,
        config=msgspec.to_builtins(Config()),
    )  # fmt: skip
    components = device_payload(device(info, {}, host="living-room"))["components"]
    out = [
        "# Home Assistant entities",
        "",
        "The device `Emotion living-room` announces them by MQTT discovery. Those that are not enabled can be switched"
        " on under Settings → Devices → MQTT.",
        "",
        "| entity | kind | unit | enabled | category |",
        "|---|---|---|---|---|",
    ]
    triggers = []
    for name, what in components.items():
        if what["platform"] == "device_automation":
            triggers.append(f"`{what.get('subtype', name)}` {what.get('type', '')}".strip())
            continue
        enabled = "yes" if what.get("enabled_by_default", True) else "no"
        out.append(
            f"| {what.get('name') or '(the device itself)'} | {what['platform']} |"
            f" {what.get('unit_of_measurement', '')} | {enabled} | {what.get('entity_category', '')} |"
        )
    out += ["", "Where `publish.people` is on, there is also a sensor for each person in view: Person 1, Person 2, ..."]
    return "\n".join([*out, "", "Device triggers, for automations: " + ", ".join(triggers) + "."])


def python_page() -> str:
    """The public API by its examples, which a test runs from the installed wheel."""
    import edge

    out = [
        "# Python",
        "",
        "`pip install .` in the checkout, or the wheel of a release. `import edge` loads nothing heavy; what is used is"
        " loaded when it is used. Everything public is in `edge.__all__`: "
        + ", ".join(f"`{name}`" for name in sorted(edge.__all__))
        + ".",
    ]
    for path in sorted((ROOT / "docs" / "examples").glob("*.py")):
        out += [
            "",
            f"## {path.stem.replace('_', ' ').capitalize()}",
            "",
            "```python",
            path.read_text("utf-8").rstrip(),
            "```",
        ]
    for name in ("Face", "Speech", "Pipeline"):
        kind = getattr(edge, name)
        out += ["", f"## `{name}`", "", *inspect.getdoc(kind).splitlines(), ""]  # type: ignore[union-attr]
        for method, function in vars(kind).items():
            if not method.startswith("_") and callable(function):
                out += [f"**`{method}{_signature(function)}`**", "", *(inspect.getdoc(function) or "").splitlines(), ""]
    return "\n".join(out)


def cost_page() -> str:
    """What the service costs on a Raspberry Pi, from the record of scripts/cost."""
    from edge.bench import projection

    record = projection.read()
    out = [
        "# Cost on a Raspberry Pi",
        "",
        "Counted, not measured: `scripts/cost` runs the real aarch64 code under emulation and counts its instructions."
        " What they come to on a board is projected, from the worst to the best: "
        + "; ".join(
            f"{board.says}: {board.mhz} MHz, {board.ipc[0]} to {board.ipc[1]} instructions a cycle"
            for board in projection.BOARDS.values()
        )
        + ". What it really takes on a machine, `emotion-edge bench` measures there.",
        "",
        f'Assumed unless said otherwise: {record["assumed"]}. "start" is the import of the service.',
        "",
        *projection.tables(record),
        "",
        *projection.measured(record),
    ]
    return "\n".join(out)


def _signature(function: Callable[..., Any]) -> str:
    parameters = [str(each) for name, each in inspect.signature(function).parameters.items() if name != "self"]
    return f"({', '.join(parameters)})".replace("'", "")


# Files that say where this project lives.
WITH_PLACES = (
    "README.md",
    "docs/pages/start/try.md",
    "docs/pages/start/install.md",
    "firmware_config/home_assistant/addon/config.yaml",
)


def places() -> dict[str, str]:
    """What the owner filled in: the addresses of the repository and of the packages."""
    found: dict[str, str] = tomllib.loads((ROOT / "docs" / "places.toml").read_text("utf-8"))
    return found


def with_places(text: str, known: dict[str, str]) -> str:
    """`text` with the owner's addresses after `git clone`, in links called "downloads", and as the add-on's `url`."""
    text = re.sub(r"(\bgit clone )\S+", lambda found: found[1] + known["clone"], text)
    text = re.sub(r"(\[downloads\]\()[^)]+", lambda found: found[1] + known["downloads"], text)
    return re.sub(r"(?m)^(url: )\S+$", lambda found: found[1] + known["clone"].removesuffix(".git"), text)


def readme_figures() -> str:
    """The README with the first figures of `scripts/evaluate life` and of `scripts/cost`."""
    from edge.bench import projection

    text = (ROOT / "README.md").read_text("utf-8")
    text = _between(text, "life", _life())
    record = projection.read()
    shares = []
    for name, board in projection.BOARDS.items():
        shares.append(f"{board.percent(record['whole'][name])} of a core of a {board.says}")
    return _between(
        text,
        "cost",
        [
            f"Projected, not measured, from counted instructions: {', '.join(shares)} for {record['assumed']}"
            " ([cost](docs/pages/reference/cost.md)).",
        ],
    )


def accuracy_figures() -> str:
    """The page with the record of `python -m models.face.beside`."""
    record = json.loads((ROOT / "models" / "face" / "beside.json").read_text("utf-8"))
    return _between(ACCURACY.read_text("utf-8"), "beside", _beside(record))


def _beside(record: dict[str, Any]) -> list[str]:
    """Ours and the other, set by set; the first of each pair is ours."""
    sets: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, results in record["sets"].items():
        for result in results:
            sets.setdefault(name, {}).setdefault(result["way"], []).append(result)
    photographs = sets.pop("photographs")
    other = photographs["given a box"][1]["name"]
    rows = [
        f"Measured by `python -m models.face.beside` with {other} and face model {record['face']['version']}"
        f" ({record['face']['sha256'][:8]}) on {record['machine']}. Macro recall of labels with five pictures or more:",
        "",
        "| | faces | ours, given a box | `fer`, given it | ours, its own way | `fer`, its own way |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    crops = sets.pop("crops")["given a crop"]
    for name, ways in sorted(sets.items(), key=lambda each: -each[1]["given a box"][0]["pictures"]):
        pair = [*ways["given a box"], *ways["its own way"]]
        found = " | ".join(f"{each['macro_recall']:.3f}" for each in pair)
        rows.append(f"| {name}, held-back people | {pair[0]['pictures']} | {found} |")
    found = " | ".join(f"{each['macro_recall']:.3f}" for each in crops)
    rows.append(f"| FER2013 PublicTest, clear votes (crops) | {crops[0]['pictures']} | {found} | | |")
    given, alone = photographs["given a box"], photographs["its own way"]
    rows += [
        "",
        f"Smile or none on {given[0]['pictures']} photographs of GENKI-4K (area under the curve, the same boxes):"
        f" {given[0]['smile_area']:.3f} and {given[1]['smile_area']:.3f}. One face of these, given a box, takes ours"
        f" {given[0]['median_ms']:.1f} ms (face and mirror image) and `fer` {given[1]['median_ms']:.1f};"
        f" a photograph, its own way, {alone[0]['median_ms']:.1f} and {alone[1]['median_ms']:.1f} ms;"
        f" memory {alone[0]['resident_mb']:.0f} and {alone[1]['resident_mb']:.0f} MB.",
    ]
    return rows


def _between(text: str, name: str, rows: list[str]) -> str:
    """The text with the rows in the place that is marked for them."""
    begin, end = f"<!-- measured: {name} -->\n", "<!-- /measured -->"
    before, rest = text.split(begin)
    return before + begin + "\n".join(rows) + "\n" + end + rest.split(end, 1)[1]


def _life() -> list[str]:
    life = json.loads((ROOT / "models" / "life" / "metrics.json").read_text("utf-8"))
    rows = [
        "Scenes composed of people that no model has learned from: somebody sits at rest, then shows a feeling for four"
        " seconds. Measured by `scripts/evaluate life --data DIR`:",
        "",
        "| | feelings found as state, macro recall (95 %) | until the state is entered | a wrong state at rest |",
        "|---|---|---|---|",
    ]
    for name, words in (("face", "a face"), ("voice", "a voice"), ("both", "both together")):
        one = life[name]
        low, high = one["interval"]
        rows.append(
            f"| {words} | {one['macro_recall']['state']:.2f} ({low:.2f} to {high:.2f}) | {one['entered_s']:.1f} s |"
            f" {100 * one['wrong_at_rest']:.1f} % of scenes |"
        )
    neutral = life["neutral"]
    rows += [
        "",
        f"While {neutral['people']} people sit, talk and look down without a feeling,"
        f" {100 * neutral['wrong']:.1f} % of the time is spent in a wrong state.",
    ]
    return rows


def fleet_cost_page() -> str:
    """What scripts/fleet-test measured, and what follows for other sizes."""
    from tests.fleet.trial.cost import page

    return page()


WRITERS: dict[str, Callable[[], str]] = {
    "config.md": config_page,
    "topics.md": topics_page,
    "command-line.md": commands_page,
    "entities.md": entities_page,
    "fleet-cost.md": fleet_cost_page,
    "python.md": python_page,
    "cost.md": cost_page,
}

if __name__ == "__main__":
    sys.exit(main())
