from __future__ import annotations

import pytest

from edge.config import keys
from edge.config.edit import with_values
from edge.config.files import line_of, parse, read_toml
from edge.config.schema import Config
from edge.device import resources
from edge.errors import ConfigError


def test_every_other_line_stays() -> None:
    text = '# mine\n[camera] # the good one\nfps = 3 # slow\n#width = 640\n\n[mqtt]\n#host = ""\n'
    edited = with_values(text, {"camera.width": 320, "mqtt.host": 'a "b"', "device.name": "x", "camera.height": 240})
    assert edited == (
        "# mine\n[camera] # the good one\nheight = 240\nfps = 3 # slow\nwidth = 320\n\n"
        '[mqtt]\nhost = "a \\"b\\""\n\n[device]\nname = "x"\n'
    )


def test_every_key_of_the_default_file_can_be_set_in_place() -> None:
    path = resources.firmware_config() / "default.toml"
    values = {key: value for key, value in keys.values(Config()).items() if value is not None and "." in key}
    edited = with_values(read_toml(path)[1], values)
    assert len(edited.splitlines()) == len(path.read_text().splitlines())
    parse(edited)


def test_an_array_over_several_lines_is_replaced_whole() -> None:
    text = (
        '[privacy]\nquiet_hours = [ # at night\n  { start = "22:00", end = "06:00" },\n'
        '  { start = "13:00", end = "14:00" }\n] # and at noon\nremote_off = true\n[mqtt]\nhost = "h"\n'
    )
    edited = with_values(text, {"privacy.quiet_hours": [{"start": "20:00", "end": "07:00"}], "mqtt.host": "i"})
    assert edited == (
        '[privacy]\nquiet_hours = [{ "start" = "20:00", "end" = "07:00" }] # and at noon\nremote_off = true\n'
        '[mqtt]\nhost = "i"\n'
    )
    assert with_values(text, {"privacy.quiet_hours": None}) == ('[privacy]\nremote_off = true\n[mqtt]\nhost = "h"\n')


def test_a_comment_behind_the_value_stays_and_a_hash_in_a_text_is_none() -> None:
    text = '[mqtt]\nusername = "a # b" # who we are\nbase = "x#y"\n'
    assert with_values(text, {"mqtt.username": "c", "mqtt.base": "z"}) == (
        '[mqtt]\nusername = "c" # who we are\nbase = "z"\n'
    )


def test_what_is_unset_goes_back_to_how_the_shipped_file_has_it() -> None:
    shipped = read_toml(resources.firmware_config() / "default.toml")[1]
    changes = {"mqtt.username": "edge", "mqtt.tls": True, "mqtt.base": "home"}
    assert with_values(with_values(shipped, changes), dict.fromkeys(changes)) == shipped
    mine = '[mqtt]\nhost = "h"\nusername = "edge"\n'
    assert with_values(mine, {"mqtt.username": None, "mqtt.tls": None}) == '[mqtt]\nhost = "h"\n'


@pytest.mark.parametrize("text", ['mqtt = { host = "x" }\n', 'mqtt.host = "x"\n[camera]\nfps = 3\n'])
def test_a_layout_that_lines_cannot_be_set_in_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^mqtt\.host: .* by hand$"):
        with_values(text, {"mqtt.host": "y"})


@pytest.mark.parametrize(
    ("key", "line"),
    [("a.b", 2), ("a.c", 3), ("d.e", 4), ("f", None), ("a", 1), ("g.h[1].i", 6), ("a.zz", 1)],
)
def test_where_a_key_is_written(key: str, line: int | None) -> None:
    assert line_of("[a]\nb = 1\n'c' = 2\n[d] # x\n[g]\nh = [{i=1}]\n".replace("[d] # x", "[d.e]"), key) == line
