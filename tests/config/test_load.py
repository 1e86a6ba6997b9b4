from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.config import keys
from edge.config.load import live_part, load, needs_restart
from edge.config.schema import CONFIG_VERSION, Config
from edge.device import resources
from edge.errors import ConfigError

Write = Callable[[str], Path]


def refusal(path: Path, **options: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, board="pi5", **options)
    return str(caught.value).splitlines()


def test_without_a_file_the_defaults_and_the_preset() -> None:
    loaded = load(None, board="pi5")
    assert loaded.config == Config()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.warnings == ()
    assert set(loaded.origins) == set(keys.types())


def test_the_owner_wins_over_the_preset_and_live_changes_over_the_owner(write: Write, tmp_path: Path) -> None:
    path = write("[camera]\nfps = 12\n[decision]\nenter = 0.5\nmargin = 0.2\n")
    overrides = tmp_path / "overrides.toml"
    overrides.write_text("decision.enter = 0.6\n")
    loaded = load(path, overrides=overrides, board="pi4")
    assert loaded.config.camera.fps == 12.0
    assert loaded.config.face.find_every == 4
    assert loaded.config.decision.enter == 0.6
    assert loaded.config.decision.margin == 0.2
    origins = loaded.origins
    assert origins["camera.fps"] == str(path)
    assert origins["face.find_every"] == "preset pi4"
    assert origins["decision.enter"] == "overrides"
    assert origins["decision.margin"] == str(path)
    assert origins["camera.width"] == "default"


def test_a_board_named_in_the_file_wins_over_the_detected_one(write: Write) -> None:
    loaded = load(write('[device]\nboard = "pi4"\n'), board="jetson")
    assert loaded.origins["camera.fps"] == "preset pi4"
    assert loaded.config.limits == Config().limits


def test_all_problems_are_told_at_once_with_key_and_line_and_what_is_allowed(write: Write) -> None:
    path = write(
        "[camra]\nx = 1\n[camera]\nfps = 1000\nenabeld = true\nflip = 'up'\n"
        "[decision]\nenter = 0.2\nexit = 0.9\n[privacy]\nquiet_hours = [{start = '25:00', end = '07:00'}]\n"
        "[face.prior]\nhappy = 'much'\n[publish]\nmodalities = 1\n"
    )
    lines = refusal(path)
    assert [line.partition(": ")[0] for line in lines] == [
        "camra", "camera.fps", "camera.enabeld", "camera.flip", "privacy.quiet_hours[0].start", "face.prior.happy",
        "publish.modalities", "decision.exit",
    ]  # fmt: skip
    assert "did you mean camera?" in lines[0]
    assert "1000" in lines[1]
    assert "from 0.5 to 120" in lines[1]
    assert lines[1].endswith(f"({path}, line 4)")
    assert "did you mean camera.enabled?" in lines[2]
    assert '"none", "horizontal", "vertical", "both"' in lines[3]
    assert "line 11" in lines[4]
    assert "true or false" in lines[6]
    assert "decision.enter" in lines[7]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[camera]\nfps = 'fast'", "camera.fps: 'fast' is not valid; allowed: a number from 0.5 to 120"),
        ("[camera]\nfps = nan", "camera.fps: nan"),
        ("[mqtt]\nport = 1" + "0" * 60, "mqtt.port: "),
        ("[mqtt]\nport = 1883.5", "mqtt.port: 1883.5 is not valid; allowed: a whole number from 1 to 65535"),
        ("camera = 3", "camera: 3 is not valid; allowed: a table, written [camera]"),
        ("[mqtt]\npassword = 'hunter2'", "mqtt.password: passwords do not belong here; allowed: mqtt.password_file"),
        ('[camera]\nsource = "a\\nb"', "camera.source: 'a\\nb' contains a control character"),
        ("[mqtt]\nhost = 'mqtt://broker'", "mqtt.host: must be a host name"),
        ("[mqtt]\nhost = 'broker:1883'", "mqtt.host: must be a host name"),
        ("[mqtt]\nbase = 'a/#'", "mqtt.base: 'a/#' is not valid; allowed: a topic without"),
        ("[mqtt]\ntls = true\ncert_file = '/c'", "mqtt.cert_file: a client certificate needs both"),
        ("[camera]\nenabled = false\n[microphone]\nenabled = false", "camera.enabled: camera and microphone are both"),
        ("[privacy]\nquiet_hours = [{start = '22:00'}]", "privacy.quiet_hours[0].end: is missing"),
        ("[privacy]\nquiet_hours = [{start = '22:00', end = '22:00'}]", "privacy.quiet_hours[0].end: is the same"),
        ("[privacy]\nquiet_hours = [3]", "privacy.quiet_hours[0]: 3 is not valid; allowed: a table with start, end"),
        ("[privacy]\nled_pin = 4\nmute_pin = 4", "privacy.mute_pin: 4 is the LED's pin too"),
        ("[speech.prior]\nbored = 1", "speech.prior.bored: no such label; allowed: neutral, happy"),
        ("[fusion]\nhost = 'x'", "fusion.host: no such key; did you mean mqtt.host?"),
        (
            "[device]\nuse = 'work'",
            'device.use: "work" is refused: inferring emotions at the workplace is prohibited by',
        ),
        ("[device]\nuse = 'school'", 'device.use: "school" is refused: inferring emotions in education is prohibited'),
        ("config_version = 0", "config_version: 0 is not valid"),
    ],
)
def test_one_problem_in_one_clear_line(write: Write, text: str, told: str) -> None:
    (line,) = refusal(write(text))
    assert line.startswith(told)
    assert "hunter2" not in line


def test_a_tls_port_of_an_ipv6_broker_is_fine(write: Write) -> None:
    assert load(write("[mqtt]\nhost = 'fe80::1'\nport = 8883\n")).config.mqtt.host == "fe80::1"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"[camera\n", "not valid TOML"),
        (b"a = 1\na = 2\n", "not valid TOML"),
        (b"\xff\xfea\x00", "line 1 is not UTF-8"),
        (b"# fine\n# also\nname = '\xe9'\n", "line 3 is not UTF-8"),
        (b"x = " + b"[" * 50_000, "not valid TOML"),
        (b"d = 2021-02-30\n", "not valid TOML"),
        (b"#" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, raw: bytes, told: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(raw)
    (line,) = refusal(path)
    assert line.startswith(f"{path}: ")
    assert told in line


def test_a_syntax_error_names_its_line(write: Write) -> None:
    (line,) = refusal(write("[camera]\nfps = 3\nwidth =\n"))
    assert "line 3" in line


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[camera]\r\nfps = 3\r\n")
    assert load(path).config.camera.fps == 3


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file; `emotion-edge setup`" in refusal(tmp_path / "none.toml")[0]
    assert "is a folder" in refusal(tmp_path)[0]
    assert "cannot be read" in refusal(Path("bad\0name"))[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(write: Write) -> None:
    path = write("")
    path.chmod(0)
    assert "no permission" in refusal(path)[0]


def test_a_newer_file_loads_without_what_we_do_not_know(write: Write) -> None:
    path = write(
        f"config_version = {CONFIG_VERSION + 1}\n[camera]\nfps = 7\nzoom = 2\nflip = 'spiral'\n[dreams]\nx = 1\n"
        "[decision]\nenter = 0.2\nexit = 0.5\n"
    )
    loaded = load(path, board="pi5")
    assert loaded.config.camera.fps == 7
    assert loaded.config.camera.flip == "none"
    assert loaded.config.decision == Config().decision
    told = "\n".join(loaded.warnings)
    for part in ("newer emotion-edge", "camera.zoom", "dreams", "camera.flip", "decision.exit"):
        assert part in told


def test_every_preset_is_usable() -> None:
    names = {path.stem for path in (resources.firmware_config() / "boards").glob("*.toml")}
    assert names == {"pi4", "pi5", "jetson", "laptop"}
    for name in names:
        load(None, board=name)


def test_what_needs_a_restart_and_what_changes_live() -> None:
    old = Config()
    new = msgspec.structs.replace(
        old,
        camera=msgspec.structs.replace(old.camera, fps=3.0),
        decision=msgspec.structs.replace(old.decision, enter=0.9),
        privacy=msgspec.structs.replace(old.privacy, remote_off=True, led_pin=4),
        face=msgspec.structs.replace(old.face, min_size=99, prior={"sad": -1.0}),
    )
    assert set(needs_restart(old, new)) == {"camera.fps", "privacy.led_pin", "face.prior"}
    adopted = live_part(old, new)
    assert adopted.decision.enter == 0.9
    assert adopted.privacy.remote_off
    assert adopted.face.min_size == 99
    assert adopted.camera == old.camera
    assert adopted.privacy.led_pin is None
    assert set(needs_restart(adopted, new)) == {"camera.fps", "privacy.led_pin", "face.prior"}
    assert needs_restart(new, new) == ()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=st.binary(max_size=200) | st.text(alphabet='[]=".{}\n1a_camerfps', max_size=120).map(str.encode))
def test_no_file_whatever_ends_in_a_traceback(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(raw)
    with contextlib.suppress(ConfigError):
        load(path, overrides=path, board="pi5")
