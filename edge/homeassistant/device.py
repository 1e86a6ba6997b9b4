"""What the discovery message depends on: the device, and the topics by which Home Assistant knows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.config.schema import topic_base
from edge.language.catalogue import Language
from edge.messages.payloads import InfoPayload

_STRANGE = re.compile(r"[^A-Za-z0-9_-]")
_DISCOVERY = re.compile(r"[^+#\x00]+/device/[A-Za-z0-9_-]+/config")
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on


@dataclass(frozen=True, slots=True)
class Device:
    """One device, as of now."""

    base: str
    name: str
    prefix: str
    version: str
    board: str
    labels: tuple[str, ...]
    state_every_s: float
    health_every_s: float
    max_hz: float
    language: Language = "en"
    area: str = ""
    page: str = ""  # the address of its page, for a browser elsewhere
    has_temperature: bool = True
    has_throttling: bool = True
    people: tuple[int, ...] = ()  # the track in each place, where each person is published
    people_withdrawn: bool = False  # they were announced, and are not published any more
    sample: bool = False  # camera or microphone is the sample that comes with the software

    @property
    def root(self) -> str:
        """What its topics begin with."""
        return f"{self.base}/{self.name}"

    @property
    def release_topic(self) -> str:
        """Where the newest version's number is published, retained, for all devices of this base."""
        return f"{self.base}/release"

    @property
    def id(self) -> str:
        """Its level in discovery topics: its name, with the base before it if that is not the usual one."""
        return _id(self.base, self.name)

    @property
    def discovery_topic(self) -> str:
        """Where Home Assistant looks for it."""
        return discovery_topic(self.prefix, self.base, self.name)


def device(
    info: InfoPayload,
    changed: Mapping[str, str],
    *,
    host: str,
    has_temperature: bool = True,
    has_throttling: bool = True,
    people: tuple[int, ...] = (),
    people_before: bool = False,
) -> Device:
    """From `info` and the values of `config/<key>` published since. `host` is the machine's name in the network,
    `people` the track in each place, `people_before` whether any was announced before.
    """
    publish = dict(info.config["publish"])
    for key, word in changed.items():
        section, _, name = key.partition(".")
        if section == "publish":
            publish[name] = msgspec.json.decode(word)
    ours = info.config["home_assistant"]
    return Device(
        base=topic_base(
            info.config["mqtt"]["base"], *(info.config["device"].get(level) for level in ("tenant", "site", "group"))
        ),
        name=info.device,
        prefix=ours["prefix"],
        version=info.version,
        board=info.board,
        labels=info.labels,
        state_every_s=publish["state_every_s"],
        health_every_s=publish["health_every_s"],
        max_hz=publish["max_hz"],
        language=info.config["device"]["language"],
        area=ours["area"] or "",
        page=_page(info.config["dashboard"], host),
        has_temperature=has_temperature,
        has_throttling=has_throttling,
        people=people if publish["people"] else (),
        people_withdrawn=people_before and not publish["people"],
        sample=any(info.config[sense]["source"].strip() == "sample" for sense in ("camera", "microphone")),
    )


def _page(dashboard: Mapping[str, Any], host: str) -> str:
    """The page's address, if there is one that another machine can reach."""
    names = dashboard["names"]
    if not dashboard["enabled"]:
        return ""
    if dashboard["behind_tls"]:
        return f"https://{names[0]}/" if names else ""
    listen = dashboard["listen"]
    if names or listen in _ANYWHERE:
        return f"http://{names[0] if names else f'{host}.local'}:{dashboard['port']}/"
    if listen == "::1" or listen.startswith("127."):
        return ""
    return f"http://{f'[{listen}]' if ':' in listen else listen}:{dashboard['port']}/"


def discovery_topic(prefix: str, base: str, name: str) -> str:
    """Where Home Assistant looks for the device of that name."""
    return f"{prefix}/device/{_id(base, name)}/config"


def birth_topic(prefix: str) -> str:
    """Where Home Assistant says that it has started."""
    return f"{prefix}/status"


def is_discovery_topic(topic: str) -> bool:
    """Whether a device may be announced on `topic`."""
    return _DISCOVERY.fullmatch(topic) is not None and topic.isprintable()


def _id(base: str, name: str) -> str:
    return _STRANGE.sub("_", name if base == "emotion" else f"{base}_{name}")
