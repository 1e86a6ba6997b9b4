"""The mark of a test that runs beside others; conftest.py says how."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def alongside(broker: str = "allow_anonymous true") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test begins with the session; `broker` is what its mosquitto.conf says of access."""

    def mark(scenario: Callable[..., None]) -> Callable[..., None]:
        def test(under_way: Any, request: Any, **_: Any) -> None:
            under_way(request.node)

        own = [parameter for parameter in inspect.signature(scenario).parameters.values() if parameter.name != "rig"]
        plain = [parameter for parameter in inspect.signature(test).parameters.values() if parameter.name != "_"]
        test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
        test.__signature__ = inspect.Signature([*plain, *own])  # type: ignore[attr-defined]
        test.scenario = scenario  # type: ignore[attr-defined]
        test.broker = broker  # type: ignore[attr-defined]
        return test

    return mark
