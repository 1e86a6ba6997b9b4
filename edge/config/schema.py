"""The whole configuration as frozen types. Each attribute's comment in firmware_config/default.toml says what it does.

Bounds are part of the type, so that a wrong value is refused with its path and what is allowed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr, replace

from edge.language.catalogue import Language

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0, le=86_400.0)]
PositiveSeconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]
Pin = Annotated[int, Meta(ge=0, le=63)]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
        description="up to 63 letters, digits, '_', '.' or '-', the first a letter or digit",
    ),
]
TimeOfDay = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description='a time of day in quotes, such as "22:30"')
]
HostName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        description='a host name alone, such as "edge.local"',
    ),
]
IpAddress = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f.:]{2,45}$", description='an address, such as "172.30.32.2"')]
WyomingSource = Annotated[
    str,
    Meta(
        pattern=r"^wyoming://(127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}$",
        description="wyoming://127.0.0.1:PORT, where a Wyoming satellite on this device forwards its events to (its "
        "--event-uri); what other machines understand comes by text/set",
    ),
]
Prior = dict[str, Annotated[float, Meta(ge=-10, le=10)]]  # label -> offset added to its logit

CONFIG_VERSION = 1


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the config file: unknown keys are refused."""


class DeviceConfig(Section, frozen=True):
    name: Name | None = None  # default: a hash of the machine id
    board: Literal["auto", "pi4", "pi5", "jetson", "laptop"] = "auto"
    use: Literal["home", "public", "research", "art", "medical", "safety", "work", "school"] = "home"
    tenant: Name | None = None  # whose device it is, where it stands and to what it belongs: told in `info`, for fleets
    site: Name | None = None
    group: Name | None = None
    signed_desired: bool = False  # a fleet's documents need a signature by somebody in desired-signers beside this file
    language: Language = "en"  # of Home Assistant's names and the doctor; the page follows the browser


class CameraConfig(Section, frozen=True):
    enabled: bool = True
    source: str = (
        "auto"  # auto, picamera2[:N], an index, /dev path, csi[:N], gst:PIPELINE, URL, video file, folder, sample, none
    )
    width: Annotated[int, Meta(ge=160, le=4096)] = 640
    height: Annotated[int, Meta(ge=120, le=4096)] = 480
    fps: Annotated[float, Meta(ge=0.5, le=120)] = 15.0
    rotation: Literal[0, 90, 180, 270] = 0
    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    stall_s: PositiveSeconds = 4.0  # no frame, or the same frame, for this long counts as a fault


class MicrophoneConfig(Section, frozen=True):
    enabled: bool = True
    source: str = "auto"  # auto, index, part of a name, camera or an address, a WAV/FLAC file, sample, none
    silence_s: PositiveSeconds = 4.0  # nothing but zeros for this long counts as a fault


class FaceConfig(Section, frozen=True):
    min_score: Fraction = 0.5  # of the finder
    min_size: Annotated[int, Meta(ge=16, le=2000)] = 40  # pixels of height, in the camera's picture
    find_every: Annotated[int, Meta(ge=1, le=60)] = 3  # frames; in between faces are followed
    max_people: Annotated[int, Meta(ge=1, le=50)] = 5
    classify_hz: Annotated[float, Meta(ge=0.2, le=60)] = 5.0  # per face, at most
    threads: Annotated[int, Meta(ge=1, le=16)] = 1  # of the processor, for one look or one face
    delegate: str = ""  # path of a LiteRT delegate's library; empty: the processor
    forget_s: PositiveSeconds = 1.5  # a face not seen for this long has left
    still_s: Seconds = 20.0  # a face without any movement for this long is a picture; 0 = never
    rest_share: Fraction = 0.85  # how much of what a face says at rest is taken off; 0: none
    rest: Prior = {}  # what faces in this seat say at rest, beyond most people's: the start for everybody
    prior: Prior = {}


class SpeechConfig(Section, frozen=True):
    voice_threshold: Fraction = 0.5
    min_voice_s: PositiveSeconds = 0.6
    max_segment_s: Annotated[float, Meta(ge=1, le=60)] = 8.0
    hop_s: Annotated[float, Meta(ge=0.1, le=10)] = 0.5
    min_snr_db: Annotated[float, Meta(ge=-20, le=60)] = 3.0
    noise_floor_db: Annotated[float, Meta(ge=-120, le=0)] | None = None  # None: estimated as it runs
    require_face: bool = False  # a voice counts only while somebody is in view
    prior: Prior = {}


class TextConfig(Section, frozen=True):
    enabled: bool = False  # judge what others publish on text/set, such as a voice assistant's transcript
    source: WyomingSource | None = None  # and what a Wyoming satellite on this device forwards there


class FusionConfig(Section, frozen=True):
    face_weight: Annotated[float, Meta(ge=0, le=10)] | None = None  # None: the learned weight of the manifest
    speech_weight: Annotated[float, Meta(ge=0, le=10)] | None = None
    text_weight: Annotated[float, Meta(ge=0, le=10)] | None = None
    face_max_age_s: PositiveSeconds = 2.0  # older readings do not count
    speech_max_age_s: PositiveSeconds = 4.0
    text_max_age_s: PositiveSeconds = 8.0


class DecisionConfig(Section, frozen=True):
    expressiveness: Fraction = 0.5  # 0: a feeling only when it is clear; 1: every hint of one
    smoothing_s: Seconds = 0.4  # time constant of the exponential smoothing
    enter: Fraction = 0.42  # a label is entered when its smoothed probability is above this
    exit: Fraction = 0.32  # and left when it is below this
    margin: Fraction = 0.05  # the winner leads the second by this much to be entered
    dwell_s: Seconds = 0.5  # no state is shorter than this
    hold_s: Seconds = 3.0  # a state survives this long without any reading


class PublishConfig(Section, frozen=True):
    max_hz: Annotated[float, Meta(gt=0, le=30)] = 2.0
    state_every_s: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    summary_every_s: Annotated[float, Meta(ge=5, le=3600)] = 60.0
    health_every_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0
    modalities: bool = False  # face/<track> and speech
    people: bool = False  # person/<track>


TopicBase = Annotated[
    str,
    Meta(
        pattern=r"^[^+#/$\x00]([^+#\x00]*[^+#/\x00])?$",
        description="a topic without '+' or '#' that neither begins nor ends with '/' nor begins with '$'",
    ),
]


_PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
Broker = Annotated[
    str,
    Meta(
        pattern=rf"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:({_PORT}))?$",
        description='"HOST", "HOST:PORT" or "[IPv6]:PORT"',
    ),
]


class MqttConfig(Section, frozen=True):
    """`host` and `port` are the preferred broker's; with several, `hosts` lists all of them in full, that one first."""

    host: str = ""  # empty: no broker configured
    hosts: tuple[Broker, ...] = ()  # several, the preferred one first; the next one is tried when one fails
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None  # default 1883, 8883 with TLS
    base: TopicBase = "emotion"
    protocol: Literal["5", "3.1.1"] = "5"
    transport: Literal["tcp", "websockets"] = "tcp"
    websocket_path: str = "/mqtt"
    username: str = ""
    password_file: str = ""  # or the credential `mqtt-password`, or EMOTION_EDGE_MQTT_PASSWORD
    tls: bool = False
    ca_file: str = ""  # empty: the system's authorities
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30

    def __post_init__(self) -> None:
        if not self.hosts:
            return
        usual = self.port or (8883 if self.tls else 1883)
        named = [_split(each, usual) for each in self.hosts]
        first = (self.host, usual) if self.host else named[0]
        known = dict.fromkeys([first, *named])
        force_setattr(self, "host", first[0])
        force_setattr(self, "port", first[1])
        force_setattr(self, "hosts", tuple(_joined(host, port) for host, port in known))

    def each(self) -> tuple[MqttConfig, ...]:
        """One for each broker, the preferred one first."""
        if not self.hosts:
            return (self,)
        brokers = (_split(broker, 0) for broker in self.hosts)
        return tuple(replace(self, host=host, port=port, hosts=()) for host, port in brokers)


def _split(broker: str, usual_port: int) -> tuple[str, int]:
    host, port = (broker, "") if broker.endswith("]") or ":" not in broker else broker.rsplit(":", 1)
    return host.strip("[]"), int(port or usual_port)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class OutboxConfig(Section, frozen=True):
    max_mb: Annotated[float, Meta(ge=0, le=1024)] = 8.0  # 0: nothing is kept while the broker is away
    max_age_h: Annotated[float, Meta(gt=0, le=8760)] = 24.0


class HistoryConfig(Section, frozen=True):
    keep_days: Annotated[int, Meta(ge=0, le=400)] = 0  # 0: nothing of past days is kept


class QuietHours(Section, frozen=True):
    start: TimeOfDay
    end: TimeOfDay


class PrivacyConfig(Section, frozen=True):
    start: Literal["off", "on"] = "off"  # when no state is stored: "on" = camera and microphone released
    remote_off: bool = False  # may MQTT switch privacy off again
    quiet_hours: tuple[QuietHours, ...] = ()
    trust_clock: bool = False  # quiet hours by a clock that is not synchronised; False: privacy is on until it is
    led_pin: Pin | None = None  # GPIO (BCM) number, lit while camera or microphone are open
    mute_pin: Pin | None = None  # GPIO number of a button to ground


class LimitsConfig(Section, frozen=True):
    max_cpu_percent: Annotated[float, Meta(ge=5, le=400)] = 60.0  # of one core
    max_temperature_c: Annotated[float, Meta(ge=40, le=110)] = 75.0  # work is thinned above this


class DashboardConfig(Section, frozen=True):
    enabled: bool = False
    listen: str = "127.0.0.1"  # address to listen on; any but loopback needs a password
    port: Annotated[int, Meta(ge=1, le=65535)] = 8470
    names: tuple[HostName, ...] = ()  # beside addresses, localhost and the machine's own name
    behind_tls: bool = False  # a proxy in front of it speaks https
    trust_forwarded_for: bool = False  # a proxy on this device names the visitor in X-Forwarded-For
    ingress: IpAddress | None = None  # a proxy there has signed its visitors in already
    preview: Literal["off", "device", "password"] = "off"  # who may see the aiming picture


class HomeAssistantConfig(Section, frozen=True):
    enabled: bool = True  # announce the device by MQTT discovery
    prefix: TopicBase = "homeassistant"
    area: Annotated[str, Meta(max_length=100)] | None = None  # suggested to Home Assistant


class MetricsConfig(Section, frozen=True):
    enabled: bool = False
    listen: Literal["127.0.0.1", "::1"] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 9877


class LogConfig(Section, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section, frozen=True):
    """Everything an owner can set."""

    config_version: Annotated[int, Meta(ge=1)] = CONFIG_VERSION
    device: DeviceConfig = DeviceConfig()
    camera: CameraConfig = CameraConfig()
    microphone: MicrophoneConfig = MicrophoneConfig()
    face: FaceConfig = FaceConfig()
    speech: SpeechConfig = SpeechConfig()
    text: TextConfig = TextConfig()
    fusion: FusionConfig = FusionConfig()
    decision: DecisionConfig = DecisionConfig()
    publish: PublishConfig = PublishConfig()
    mqtt: MqttConfig = MqttConfig()
    outbox: OutboxConfig = OutboxConfig()
    history: HistoryConfig = HistoryConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    limits: LimitsConfig = LimitsConfig()
    dashboard: DashboardConfig = DashboardConfig()
    home_assistant: HomeAssistantConfig = HomeAssistantConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()

    @property
    def topic_base(self) -> str:
        """What the device's name follows in topics: mqtt.base, then tenant, site and group, those that are set."""
        return topic_base(self.mqtt.base, self.device.tenant, self.device.site, self.device.group)


def topic_base(base: str, *levels: str | None) -> str:
    """`base` and the levels that are set, as one topic."""
    return "/".join([base, *(level for level in levels if level)])
