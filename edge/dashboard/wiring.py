"""The page as part of the running service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.config import schema
from edge.dashboard.observer import DashboardObserver
from edge.dashboard.password import Password, file_in
from edge.dashboard.preview import Aim
from edge.dashboard.site import password_needed
from edge.device.clock import Clock
from edge.errors import ConfigError
from edge.messages.commands import Command
from edge.mqtt.publisher import Publisher
from edge.service.senses import CameraSense


def page(
    settings: schema.DashboardConfig,
    state: Path,
    *,
    publisher: Publisher,
    send: Callable[[Command], None],
    sight: CameraSense | None,
    clock: Clock,
) -> DashboardObserver:
    """The observer that serves it. ConfigError when it would be open to everybody."""
    password = checked_password(settings, state)
    aim = Aim(clock, allowed=settings.preview != "off")
    if sight is not None and aim.allowed:
        sight.onlooker = aim.look
    return DashboardObserver(
        settings, password=password, device=publisher.device, send=send, broker=publisher.status, aim=aim, clock=clock
    )


def checked_password(settings: schema.DashboardConfig, state: Path) -> Password:
    """The stored password. ConfigError when there is none and the page could be reached from elsewhere."""
    password = Password(file_in(state))
    if password_needed(settings) and not password.is_set:
        raise ConfigError(
            f"dashboard.listen: the page at {settings.listen} would be open to everybody who can reach it; "
            'set a password with `emotion-edge passwd`, or leave dashboard.listen at "127.0.0.1" '
            "and dashboard.names and dashboard.behind_tls unset"
        )
    return password
