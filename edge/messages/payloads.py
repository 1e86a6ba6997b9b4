"""What is published, as types. firmware_config/schema/ is generated from these; the comment behind a field is its
description there and in the documentation.

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

    probabilities: Distribution  # what it would say alone
    age_s: float  # of the newest evidence
    quality: Probability  # 1: clearly seen or heard
    weight: Probability  # its share in the result; the shares sum to 1
    rest_known: bool | None = None  # of a face: whether its resting face is known; null where it plays no part


Reason = Literal[
    "no clear winner", "face too small", "too dark", "face covered", "face and voice disagree", "still learning"
]


class WhyQuality(Struct, frozen=True):
    """What makes a face easy (1) or hard (0) to read."""

    size: Probability  # 0: too small
    sharpness: Probability  # 0: blurred
    light: Probability  # 0: too dark, too bright or without contrast
    pose: Probability  # 0: turned away
    cover: Probability = 1.0  # 0: eyes or mouth are hidden


class WhyPart(Struct, frozen=True):
    """What one modality alone would have said."""

    label: str  # the most probable one
    p: Probability  # how probable that is
    weight: Probability  # its share in the result
    rest_known: bool | None = None  # of a face: whether its resting face is known
    quality: WhyQuality | None = None  # of a face


class Why(Struct, frozen=True):
    """What moved a reading, in numbers."""

    face: WhyPart | None = None  # null where nobody is seen
    speech: WhyPart | None = None  # null where nobody is heard
    text: WhyPart | None = None  # of words that were passed on
    agree: bool | None = None  # whether face and voice say the same; null unless both are there


class ReadingPayload(Payload, kw_only=True, frozen=True):
    """`reading`: the fused view of this moment."""

    probabilities: Distribution  # of face, voice and words together
    label: str  # the most probable one; `state` is the calm one
    confidence: Probability  # how probable that is
    valence: Signed  # unpleasant to pleasant, from the probabilities
    arousal: Signed  # calm to excited, from the probabilities
    people: int  # in view
    face: ModalityPart | None = None  # null where nobody is seen
    speech: ModalityPart | None = None  # null where nobody is heard
    text: ModalityPart | None = None  # of words that were passed on
    why: Why | None = None  # what moved it, in numbers
    because: str = ""  # the same in one plain sentence


class PersonPayload(Payload, kw_only=True, frozen=True):
    """`person/<track>`: one person's own fused view; the number is forgotten when they leave."""

    track: int  # the person's number; whoever comes back has another
    probabilities: Distribution  # of face, voice and words together
    label: str  # the most probable one
    confidence: Probability  # how probable that is
    valence: Signed  # as in readings
    arousal: Signed  # as in readings
    state: str  # the calm view of this person: a label, or "uncertain"
    for_s: float  # how long the state has lasted
    reason: Reason | None = None  # of a state that is uncertain
    speaking: bool  # the voice that is heard is theirs
    why: Why  # what moved it, in numbers
    because: str  # the same in one plain sentence


class StatePayload(Payload, kw_only=True, frozen=True):
    """`state`: the stable state of the scene."""

    label: str  # one of the seven, or "uncertain": none is dominant, or "absent": nobody is seen or heard
    confidence: Probability  # its smoothed probability
    since: str  # when it began, as `ts`
    for_s: float  # how long it has lasted
    people: int  # in view
    modalities: tuple[str, ...]  # from which anything came lately, even if it was that nobody is there
    valence: Signed = 0.0  # as in readings
    arousal: Signed = 0.0  # as in readings
    reason: Reason | None = None  # of a state that is uncertain


class EventPayload(Payload, kw_only=True, frozen=True):
    """`event`: something began or ended."""

    event: Literal["state_entered", "state_left", "person_appeared", "person_gone"]  # what it was
    label: str | None = None  # of a state
    previous: str | None = None  # with `state_entered`: the state before
    lasted_s: float | None = None  # with `state_left`: how long it was
    track: int | None = None  # of a person: a number that is forgotten when they leave
    people: int = 0  # in view then


class SummaryPayload(Payload, kw_only=True, frozen=True):
    """`summary`: a minute in one message."""

    seconds: float  # how long a time it is about
    probabilities: Distribution | None  # their mean; null when nobody was seen or heard
    time_in_state_s: dict[str, float]  # by state, "uncertain" and "absent" too
    people_mean: float  # in view
    people_max: int  # in view at the same time
    valence: Signed | None = None  # their mean, as in readings
    arousal: Signed | None = None  # their mean, as in readings


class FacePayload(Payload, kw_only=True, frozen=True):
    """`face/<track>`: one face, for debugging."""

    track: int  # as in events
    probabilities: Distribution  # what the model says of one look
    quality: Probability  # 1: easy to read
    size_px: float  # its height in the camera's picture


class SpeechPayload(Payload, kw_only=True, frozen=True):
    """`speech`: the voice, for debugging."""

    probabilities: Distribution | None  # what the model says; null while no voice is heard
    quality: Probability  # 1: easy to hear
    snr_db: float  # above the room's noise
    voiced: Probability  # the share of the last moments in which somebody is heard
    segment: int  # counts up; a pause begins the next one


class TextPayload(Payload, kw_only=True, frozen=True):
    """`text`: what words said elsewhere claim, for debugging; never the words."""

    probabilities: Distribution  # what the model says
    quality: Probability  # how far that is from neutral


class SourcePayload(Payload, kw_only=True, frozen=True):
    """`status/camera` and `status/microphone`."""

    state: Literal["online", "offline", "disabled"]  # disabled: closed for privacy, or by the config
    reason: str = ""  # why it is not online, with the remedy


class Latency(Struct, frozen=True):
    """Milliseconds from capture to hand-over to the broker."""

    median: float  # half of them took less
    p95: float  # 95 % took less


class HealthPayload(Payload, kw_only=True, frozen=True):
    """`health`: the device's health."""

    uptime_s: float  # since the start
    fps: float  # frames a second that were looked at
    frames: int  # since the start
    frames_dropped: int  # since the start: a newer one came first
    sound_dropped_s: float  # since the start: it was not listened to in time
    queue: int  # readings and commands that wait for the decision loop
    latency_ms: Latency | None  # of readings
    cpu_percent: float  # of one core
    rss_mb: float  # memory
    temperature_c: float | None = None  # of the processor, where the board measures it
    throttled: bool | None = None  # whether the board slows itself down, for heat or low voltage
    outbox: int = 0  # messages that wait for the broker
    disk_bytes_today: int = 0  # written to the disk by outbox and history, since midnight UTC
    degraded: str = ""  # why what waits may be lost with the power: the disk is full, read-only or slow
    lost: int = 0  # messages given up since the start: no room, too old, or refused by the broker
    commands_refused: int = 0  # since the start, because there were too many
    readings_dropped: int = 0  # since the start: the decision loop did not take them in time
    sent_bytes_today: int = 0  # to the broker: topics and payloads, since midnight UTC
    connections: int = 0  # to the broker, since the start
    restarts: dict[str, int] = {}  # of threads, within the last hour
    thinned: str = ""  # what is left out to keep within limits.max_cpu_percent or because of heat; empty: nothing


class InfoPayload(Payload, kw_only=True, frozen=True):
    """`info`: what runs here."""

    version: str  # of the service
    device: str  # its name
    board: str  # what it runs on
    runtime: str  # what runs the models
    python: str  # version
    models: dict[str, dict[str, str]]  # name -> version, sha256, origin
    labels: tuple[str, ...]  # in the order of the models' answers
    config: dict[str, Any]  # what is in effect, without secrets
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
    document: str = ""  # name of the newest document that came
    version: int | None = None  # of that document, as far as it could be read
    error: str | None = None  # why all of that document was refused


JobState = Literal["waiting", "downloading", "trying", "watching", "done", "refused", "rolled back", "failed"]


class JobPayload(Payload, kw_only=True, frozen=True):
    """`job`: how far the fleet's job for this device is. Only from devices of a fleet."""

    job: str  # its name; empty where it could not be read
    state: JobState  # how far it is
    reason: str = ""  # why it was refused, rolled back or failed


class BacklogPayload(Payload, kw_only=True, frozen=True):
    """`backlog`: a message that waited while the broker was away, as it would have been sent."""

    topic: str  # below the base, e.g. "state"
    payload: dict[str, Any]  # with its own ts, session and seq


class ResponsePayload(Payload, kw_only=True, frozen=True):
    """`response/<name>`: the answer to `request/<name>`, and to a refused command."""

    status: Literal["ok", "error"]  # whether it was done
    data: Any = None  # the answer
    error: str | None = None  # what is wrong, with the remedy
    transaction: str | int | None = None  # of the request, given back
