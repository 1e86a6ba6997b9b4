"""What is published, as types. firmware_config/schema/ is generated from these.

The publisher fills the head (`v`, `ts`, `clock`, `session`, `seq`) at the moment of sending or storing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Probability = Annotated[float, Meta(ge=0, le=1)]
Signed = Annotated[float, Meta(ge=-1, le=1)]
Distribution = dict[str, Probability]  # label -> probability


class Payload(Struct, kw_only=True, frozen=True, omit_defaults=False):
    """The head of every JSON message."""

    v: Literal[1] = 1
    ts: str = ""  # wall clock of what is told, UTC, ISO 8601 with milliseconds
    clock: Literal["synced", "unsynced"] = "synced"
    session: str = ""  # one run of the service
    seq: int = 0  # counts up by one per topic and session


class ModalityPart(Struct, frozen=True):
    """One modality's share in a reading."""

    probabilities: Distribution
    age_s: float
    quality: Probability
    weight: Probability
    rest_known: bool | None = None  # of a face: whether its resting face is known; null where it plays no part


Reason = Literal[
    "no clear winner", "face too small", "too dark", "face covered", "face and voice disagree", "still learning"
]


class WhyQuality(Struct, frozen=True):
    """What makes a face easy (1) or hard (0) to read."""

    size: Probability
    sharpness: Probability
    light: Probability
    pose: Probability
    cover: Probability = 1.0


class WhyPart(Struct, frozen=True):
    """What one modality alone would have said."""

    label: str
    p: Probability
    weight: Probability
    rest_known: bool | None = None
    quality: WhyQuality | None = None


class Why(Struct, frozen=True):
    """What moved a reading, in numbers."""

    face: WhyPart | None = None
    speech: WhyPart | None = None
    text: WhyPart | None = None
    agree: bool | None = None  # null unless both are there


class ReadingPayload(Payload, kw_only=True, frozen=True):
    """`reading`: the fused view of this moment."""

    probabilities: Distribution
    label: str  # the most probable one; `state` is the calm one
    confidence: Probability
    valence: Signed
    arousal: Signed
    people: int
    face: ModalityPart | None = None
    speech: ModalityPart | None = None
    text: ModalityPart | None = None
    why: Why | None = None
    because: str = ""  # the same in one plain sentence


class PersonPayload(Payload, kw_only=True, frozen=True):
    """`person/<track>`: one person's own fused view; the number is forgotten when they leave."""

    track: int
    probabilities: Distribution
    label: str
    confidence: Probability
    valence: Signed
    arousal: Signed
    state: str  # the calm view of this person
    for_s: float
    reason: Reason | None = None  # of a state that is uncertain
    speaking: bool  # the voice that is heard is theirs
    why: Why
    because: str


class StatePayload(Payload, kw_only=True, frozen=True):
    """`state`: the stable state of the scene."""

    label: str
    confidence: Probability
    since: str
    for_s: float
    people: int
    modalities: tuple[str, ...]
    valence: Signed = 0.0
    arousal: Signed = 0.0
    reason: Reason | None = None  # of a state that is uncertain


class EventPayload(Payload, kw_only=True, frozen=True):
    """`event`: something began or ended."""

    event: Literal["state_entered", "state_left", "person_appeared", "person_gone"]
    label: str | None = None  # of states
    previous: str | None = None
    lasted_s: float | None = None
    track: int | None = None  # of persons: a number that is forgotten when they leave
    people: int = 0


class SummaryPayload(Payload, kw_only=True, frozen=True):
    """`summary`: a minute in one message."""

    seconds: float
    probabilities: Distribution | None  # mean; null when nobody was seen or heard
    time_in_state_s: dict[str, float]
    people_mean: float
    people_max: int
    valence: Signed | None = None
    arousal: Signed | None = None


class FacePayload(Payload, kw_only=True, frozen=True):
    """`face/<track>`: one face, for debugging."""

    track: int
    probabilities: Distribution
    quality: Probability
    size_px: float


class SpeechPayload(Payload, kw_only=True, frozen=True):
    """`speech`: the voice, for debugging."""

    probabilities: Distribution | None
    quality: Probability
    snr_db: float
    voiced: Probability
    segment: int


class TextPayload(Payload, kw_only=True, frozen=True):
    """`text`: what words said elsewhere claim, for debugging; never the words."""

    probabilities: Distribution
    quality: Probability


class SourcePayload(Payload, kw_only=True, frozen=True):
    """`status/camera` and `status/microphone`."""

    state: Literal["online", "offline", "disabled"]
    reason: str = ""


class Latency(Struct, frozen=True):
    """Milliseconds from capture to hand-over to the broker."""

    median: float
    p95: float


class HealthPayload(Payload, kw_only=True, frozen=True):
    """`health`: the device's health."""

    uptime_s: float
    fps: float
    frames: int
    frames_dropped: int
    sound_dropped_s: float
    queue: int
    latency_ms: Latency | None
    cpu_percent: float  # of one core
    rss_mb: float
    temperature_c: float | None = None
    throttled: bool | None = None
    outbox: int = 0  # messages waiting on disk
    disk_bytes_today: int = 0
    degraded: str = ""  # why what waits may be lost with the power: the disk is full, read-only or slow
    lost: int = 0  # messages given up since the start: no room, too old, or refused by the broker
    commands_refused: int = 0  # since the start, because there were too many
    readings_dropped: int = 0  # that the decision loop did not take in time
    sent_bytes_today: int = 0  # to the broker: topics and payloads, since midnight UTC
    connections: int = 0  # to the broker, since the start
    restarts: dict[str, int] = {}  # of threads, within the last hour
    thinned: str = ""  # what is left out to keep within limits.max_cpu_percent or because of heat; empty: nothing


class InfoPayload(Payload, kw_only=True, frozen=True):
    """`info`: what runs here."""

    version: str
    device: str
    board: str
    runtime: str
    python: str
    models: dict[str, dict[str, str]]  # name -> version, sha256, origin
    labels: tuple[str, ...]
    config: dict[str, Any]  # without secrets
    pending_restart: tuple[str, ...] = ()  # keys that were changed and wait for a restart
    config_error: str | None = None  # why the last reload was refused


class SettingsPayload(Payload, kw_only=True, frozen=True):
    """`settings`: the values of all keys that may change live, as config/<key> tells them one by one."""

    values: dict[str, Any]  # by key, such as "decision.enter"


class ReportedPayload(Payload, kw_only=True, frozen=True):
    """`reported`: what became of the fleet's documents on `fleet/<name>/desired`. Only from devices of a fleet."""

    documents: dict[str, int]  # name, such as "all" -> version of the document that holds
    values: dict[str, Any]  # by key: what these documents ask for together and what was taken over
    refused: dict[str, str]  # by key: what they ask for and is not done, and why
    document: str = ""  # the newest one that came: its name,
    version: int | None = None  # its version, as far as it could be read,
    error: str | None = None  # and why all of it was refused


class JobPayload(Payload, kw_only=True, frozen=True):
    """`job`: how far the fleet's job for this device is. Only from devices of a fleet."""

    job: str  # its name; empty where it could not be read
    state: Literal["waiting", "downloading", "trying", "watching", "done", "refused", "rolled back", "failed"]
    reason: str = ""


class BacklogPayload(Payload, kw_only=True, frozen=True):
    """`backlog`: a message that waited while the broker was away, as it would have been sent."""

    topic: str  # below the base, e.g. "state"
    payload: dict[str, Any]  # with its own ts, session and seq


class ResponsePayload(Payload, kw_only=True, frozen=True):
    """`response/<name>`: the answer to `request/<name>`, and to a refused command."""

    status: Literal["ok", "error"]
    data: Any = None
    error: str | None = None
    transaction: str | int | None = None
