"""What `replay` says of options that mean nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]


def test_without_a_recording_it_says_what_it_needs(run: Run) -> None:
    status, _, err = run("replay")
    assert status == 2
    assert "--video, --audio or --text" in err


@pytest.mark.parametrize("speed", ["abc", "0", "-1", "inf", "nan"])
def test_a_speed_that_is_none_is_refused_in_one_line(run: Run, capsys: pytest.CaptureFixture[str], speed: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run("replay", "--video", "sample", f"--speed={speed}")
    assert ended.value.code == 2
    assert f"{speed!r} is neither `max` nor a number above 0" in capsys.readouterr().err
