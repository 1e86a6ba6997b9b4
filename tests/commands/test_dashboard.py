"""What `dashboard` says of options that mean nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("port", ["0", "99999", "-1", "http"])
def test_a_port_that_is_none_is_refused_in_one_line(run: Run, capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run("dashboard", f"--port={port}")
    assert ended.value.code == 2
    assert f"{port!r} is not a port, 1 to 65535" in capsys.readouterr().err
