"""The page on a port of its own, and ways to talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import Config
from edge.dashboard.days import PastDays
from edge.dashboard.observer import DashboardObserver
from edge.dashboard.password import file_in, store
from tests.dashboard.web import Serve, Web
from tests.helpers.broker import free_port
from tests.helpers.page import page, told_at_start


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a page, with or without a password; `days`: what is kept of past days; keyword arguments are settings of
    [dashboard]."""
    with ExitStack() as stack:

        def begin(
            *, password: str | None = None, days: PastDays | None = None, **settings: Any
        ) -> tuple[DashboardObserver, Web]:
            if password:
                store(file_in(tmp_path), password)
            port = free_port()
            dashboard = stack.enter_context(page(tmp_path, port, days=days, **settings))
            web = Web(port)
            web.wait()
            for topic, payload in told_at_start(Config()):
                dashboard.notify(topic, payload, None)
            return dashboard, web

        yield begin
