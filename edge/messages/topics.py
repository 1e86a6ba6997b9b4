"""Every topic below `<base>/<device>`: its quality of service, its retention, and what an outage does to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.messages import payloads

LIVE_AGE_S = 5.0  # nothing older arrives on a live topic


def state_valid_s(state_every_s: float) -> float:
    """How old the newest `state` may be before it says nothing about now: it is repeated, and two were missed."""
    return 2.5 * state_every_s + 2.0


def health_valid_s(health_every_s: float) -> float:
    """The same for `health`."""
    return 2.5 * health_every_s + 5.0


@dataclass(frozen=True, slots=True)
class Topic:
    """How one topic is published. `payload` None means a plain word instead of JSON."""

    qos: Literal[0, 1]
    payload: type[payloads.Payload] | None
    retained: bool = False
    keep: int = 0  # 0: not kept while the broker is away; else its rank, the lowest is thinned first


TOPICS: dict[str, Topic] = {
    "availability": Topic(1, None, retained=True),
    "info": Topic(1, payloads.InfoPayload, retained=True),
    "state": Topic(1, payloads.StatePayload, keep=2),
    "reading": Topic(0, payloads.ReadingPayload),
    "summary": Topic(1, payloads.SummaryPayload, keep=1),
    "face": Topic(0, payloads.FacePayload),  # face/<track>
    "speech": Topic(0, payloads.SpeechPayload),
    "text": Topic(0, payloads.TextPayload),
    "person": Topic(0, payloads.PersonPayload),  # person/<track>
    "event": Topic(1, payloads.EventPayload, keep=3),
    "backlog": Topic(1, payloads.BacklogPayload),
    "status": Topic(1, payloads.SourcePayload, retained=True),  # status/camera, status/microphone
    "health": Topic(0, payloads.HealthPayload),
    "privacy": Topic(1, None, retained=True),
    "config": Topic(1, None, retained=True),  # config/<key>
    "settings": Topic(1, payloads.SettingsPayload, retained=True),  # the same in one document
    "reported": Topic(1, payloads.ReportedPayload, retained=True),  # what became of documents for the fleet
    "job": Topic(1, payloads.JobPayload, retained=True),  # how far a job of the fleet is
    "discovery": Topic(1, None, retained=True),  # discovery/<topic>: the one topic that is not below ours
    "response": Topic(1, payloads.ResponsePayload),  # response/<name>
}

DISCOVERY = "discovery/"
SETTINGS = "settings"
PRIVACY_COMMAND = "privacy/set"
COMMANDS = (PRIVACY_COMMAND, "config/+/set", "request/+")  # what we subscribe to, below base/device
PLAIN_COMMANDS = ("config/+/+/set",)  # the same without dots in topics, config/decision/enter/set: if we may
TEXT_COMMAND = "text/set"  # only where text is switched on: what is said elsewhere need not come here otherwise
REWRITE_TEST = "config/topic.test/set"  # says nothing, and arrives as...
REWRITTEN = "config/topic/test/set"  # ...this at a broker that turns dots into slashes, such as RabbitMQ


def kind_of(topic: str) -> Topic:
    """The rules of a topic below the base, such as `face/3` or `state`."""
    return TOPICS[topic.split("/", 1)[0]]
