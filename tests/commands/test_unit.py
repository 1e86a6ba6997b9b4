from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import systemd_dropin
from edge.config.schema import CameraConfig, Config, MicrophoneConfig, MqttConfig, PrivacyConfig
from tests.helpers.service import Run


def drop_in(config: Config, *, jetson: bool = False) -> list[str]:
    wanted = systemd_dropin.needs(config, jetson=jetson)
    return systemd_dropin.render(
        wanted,
        addresses=[(host, ["192.0.2.7", "2001:db8::7"]) for host in wanted.hosts],
        servers=["192.0.2.53"],
        groups=["gpio"] if wanted.gpio else [],
        devices=["/dev/nvmap"],
        origin=Path("/etc/emotion-edge/config.toml"),
    ).splitlines()


def test_nothing_but_what_the_config_names_can_be_reached() -> None:
    lines = drop_in(Config(mqtt=MqttConfig(host="broker"), camera=CameraConfig(source="rtsp://u:p@cam:554/x")))
    assert "IPAddressDeny=any" in lines
    assert lines.index("# broker") < lines.index("# cam") < lines.index("# name servers")
    assert lines.count("IPAddressAllow=192.0.2.7") == 2
    assert "IPAddressAllow=192.0.2.53" in lines
    assert "# hosts: broker cam" in lines
    assert not any("DeviceAllow" in line or "Bind" in line or "u:p" in line for line in lines)


def test_addresses_need_no_name_server() -> None:
    for host in ("192.0.2.7", "fe80::1", "localhost"):
        assert "# name servers" not in drop_in(Config(mqtt=MqttConfig(host=host)))


def test_a_camera_that_is_off_is_not_reached() -> None:
    camera = CameraConfig(source="rtsp://cam/x", enabled=False)
    assert systemd_dropin.needs(Config(camera=camera), jetson=True) == systemd_dropin.Needs(
        (), (), gpio=False, argus=False
    )


def test_urls_inside_a_pipeline_count() -> None:
    source = "gst:rtspsrc location=rtsp://u:p@10.0.0.9:554/x ! appsink"
    assert systemd_dropin.needs(Config(camera=CameraConfig(source=source)), jetson=False).hosts == ("10.0.0.9",)


def test_gpio_only_with_pins() -> None:
    lines = drop_in(Config(privacy=PrivacyConfig(led_pin=17)))
    assert "DeviceAllow=char-gpiochip rw" in lines
    assert "SupplementaryGroups=gpio" in lines
    assert "LG_WD" not in "".join(drop_in(Config()))


@pytest.mark.parametrize(("source", "wanted"), [("auto", True), ("csi:1", True), ("/dev/video0", False)])
def test_the_camera_daemon_of_a_jetson(source: str, wanted: bool) -> None:
    lines = drop_in(Config(camera=CameraConfig(source=source)), jetson=True)
    assert ("BindPaths=-/tmp/argus_socket" in lines) is wanted
    assert ("DeviceAllow=/dev/nvmap rw" in lines) is wanted
    assert "BindPaths=-/tmp/argus_socket" not in drop_in(Config(camera=CameraConfig(source=source)))


def test_files_in_hidden_folders_are_shown_to_it_and_nothing_else() -> None:
    config = Config(
        camera=CameraConfig(source="/dev/video0"),
        microphone=MicrophoneConfig(source='/home/pi/a "b" 100%:x.wav'),
        mqtt=MqttConfig(tls=True, ca_file="/etc/ssl/ca.pem"),
    )
    lines = drop_in(config)
    assert 'BindReadOnlyPaths="-/home/pi/a \\"b\\" 100%%\\:x.wav"' in lines
    assert "ProtectHome=tmpfs" in lines
    assert sum("Bind" in line for line in lines) == 1


def test_name_servers_of_a_resolv_conf() -> None:
    text = "# x\nsearch lan\nnameserver 10.0.0.1\nnameserver fe80::1%eth0 # y\nnameserver\noptions a\n"
    assert systemd_dropin.name_servers(text) == ["10.0.0.1", "fe80::1"]


def test_print_and_write(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[mqtt]\nhost = "127.0.0.1"\n')
    status, out, _ = run("unit", "--config", config)
    assert status == 0
    assert "IPAddressAllow=127.0.0.1" in out
    for instance, folder in ((None, "emotion-edge.service.d"), ("kitchen", "emotion-edge@kitchen.service.d")):
        options = ["--instance", instance] if instance else []
        for _ in range(2):
            assert run("unit", "--config", config, "--units", tmp_path, "--write", *options)[0] == 0
        written = tmp_path / folder / "10-network.conf"
        assert written.read_text() == out
        assert [path.name for path in written.parent.iterdir()] == ["10-network.conf"]


def test_a_host_without_address_writes_nothing(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[mqtt]\nhost = "no-such-host.invalid"\n')
    status, _, err = run("unit", "--config", config, "--units", tmp_path / "units", "--write")
    assert status == 78
    assert "no-such-host.invalid: cannot be resolved" in err
    assert not (tmp_path / "units").exists()


def test_a_bad_instance_or_folder(run: Run, tmp_path: Path) -> None:
    assert run("unit", "--instance", "../x")[0] == 78
    (tmp_path / "file").touch()
    config = tmp_path / "config.toml"
    config.touch()
    status, _, err = run("unit", "--config", config, "--units", tmp_path / "file", "--write")
    assert status == 1
    assert "cannot be written" in err
