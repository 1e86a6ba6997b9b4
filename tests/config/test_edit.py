from __future__ import annotations

import pytest

from edge.config import keys
from edge.config.edit import with_values
from edge.config.files import line_of, parse, read_toml
from edge.config.schema import Config
from edge.device import resources


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


@pytest.mark.parametrize(
    ("key", "line"),
    [("a.b", 2), ("a.c", 3), ("d.e", 4), ("f", None), ("a", 1), ("g.h[1].i", 6), ("a.zz", 1)],
)
def test_where_a_key_is_written(key: str, line: int | None) -> None:
    assert line_of("[a]\nb = 1\n'c' = 2\n[d] # x\n[g]\nh = [{i=1}]\n".replace("[d] # x", "[d.e]"), key) == line
