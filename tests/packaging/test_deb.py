"""The Debian package as dpkg sees it; scripts/device-test installs, upgrades and purges it for real.

`scripts/build-deb --lint` asks lintian, which takes too long for here.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.version import __version__

ROOT = Path(__file__).parents[2]
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


def run(*words: str | Path, status: int = 0) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """For another processor than most who test, with our own files and without the Python packages."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg is not installed")
    folder = tmp_path_factory.mktemp("deb")
    words = [str(ROOT / "scripts/build-deb"), "--no-deps", "--quick", "--arch", "arm64", "--output", str(folder)]
    words += ["--release", "bookworm"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=110, check=False)
    if "needs python3.11" in done.stderr:
        pytest.skip("no Python 3.11 to make Bookworm's byte code")
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    yield built
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def unpacked(package: Path) -> Path:
    folder = package.parent / "unpacked"
    run("dpkg-deb", "-R", package, folder)
    return folder


def field(package: Path, name: str) -> str:
    return run("dpkg-deb", "-f", package, name).strip()


def test_its_name_and_version_say_for_which_system_it_is(package: Path) -> None:
    assert package.name == f"emotion-edge_{__version__}~deb12_arm64.deb"
    assert field(package, "Version") == f"{__version__}~deb12"
    assert field(package, "Architecture") == "arm64"
    run(
        "dpkg", "--compare-versions", f"{__version__}~deb12", "lt", f"{__version__}~deb13"
    )  # taken when Debian is upgraded


def test_it_depends_on_the_python_that_its_packages_are_for(package: Path) -> None:
    depends = field(package, "Depends")
    assert "python3 (>= 3.11), python3 (<< 3.12), python3.11" in depends
    assert "adduser" in depends
    recommends = field(package, "Recommends")
    assert "python3-pyaudio" in recommends
    assert "python3-picamera2" in recommends  # Raspberry Pi OS has it; Debian's apt does without
    # `scripts/run` and the demo; signed updates, models and settings; `enroll`
    assert field(package, "Suggests").split(", ") == ["mosquitto", "openssh-client", "openssl"]
    assert int(field(package, "Installed-Size")) > 1000


def test_it_carries_models_config_and_units(unpacked: Path) -> None:
    packages = unpacked / "usr/lib/emotion-edge/lib/python3.11/site-packages"
    shipped = packages / "edge/_shipped"
    for model in [*ROOT.glob("models/*/manifest.json"), *ROOT.glob("models/*/*.tflite")]:
        assert (shipped / model.relative_to(ROOT)).read_bytes() == model.read_bytes()
    default = unpacked / "usr/share/emotion-edge/default.toml"
    target = default.readlink()
    assert (default.parent / target).resolve() == (shipped / "firmware_config/default.toml").resolve()
    assert (unpacked / "usr/bin/emotion-edge").readlink() == Path("../lib/emotion-edge/bin/emotion-edge")
    assert (unpacked / "usr/lib/emotion-edge/bin/python").readlink() == Path("/usr/bin/python3.11")
    assert "include-system-site-packages = true" in (unpacked / "usr/lib/emotion-edge/pyvenv.cfg").read_text()
    for name in ("emotion-edge.service", "emotion-edge@.service"):
        unit = (unpacked / "usr/lib/systemd/system" / name).read_text()
        assert "\nExecStart=/usr/lib/emotion-edge/bin/emotion-edge run " in unit
        assert "/opt/" not in unit
        ours = (ROOT / "systemd" / name).read_text()
        assert [line for line in unit.splitlines() if re.match(r"[A-Z]\w+=", line) and "ExecStart" not in line] == [
            line for line in ours.splitlines() if re.match(r"[A-Z]\w+=", line) and "ExecStart" not in line
        ]


def test_it_says_what_it_contains(unpacked: Path) -> None:
    """One file names our own part, the models with their hashes, and (here without them) the Python packages."""
    bill = json.loads((unpacked / "usr/share/doc/emotion-edge/sbom.cdx.json").read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["purl"] == f"pkg:pypi/emotion-edge@{__version__}"
    models = {part["bom-ref"]: part for part in bill["components"] if part["type"] == "machine-learning-model"}
    for manifest in ROOT.glob("models/*/manifest.json"):
        told = models[f"model:{manifest.parent.name}"]
        named = json.loads(manifest.read_text(encoding="utf-8"))
        assert told["version"] == str(named["version"])
        if "sha256" in named:
            assert told["hashes"][0]["content"] == named["sha256"]


def test_a_bill_of_a_whole_environment_names_each_package_once_and_is_the_same_every_time() -> None:
    folder = Path(msgspec.__file__).parents[1]
    if not list(folder.glob("emotion_edge-*.dist-info")):
        pytest.skip("emotion-edge is not installed beside the other packages")

    def bill() -> str:
        return run(sys.executable, ROOT / "scripts/sbom", folder)

    told = json.loads(bill())
    references = [part["bom-ref"] for part in told["components"]]
    assert len(references) == len(set(references)) > 10
    known = {*references, told["metadata"]["component"]["bom-ref"]}
    for each in told["dependencies"]:
        assert {each["ref"], *each["dependsOn"]} <= known
    ours = next(each for each in told["dependencies"] if each["ref"].startswith("pkg:pypi/emotion-edge@"))
    assert any(name.startswith("pkg:pypi/numpy@") for name in ours["dependsOn"])
    assert "model:face" in ours["dependsOn"]
    again = json.loads(bill())
    assert {**told, "metadata": None} == {**again, "metadata": None}


def test_it_owns_nothing_of_the_owners(unpacked: Path) -> None:
    """The config is no file of the package, so that no upgrade asks about it and none changes it."""
    assert {path.name for path in unpacked.iterdir()} == {"DEBIAN", "usr"}
    assert not (unpacked / "DEBIAN/conffiles").exists()
    assert "@" not in re.sub(r"<[^>]*>", "", (unpacked / "DEBIAN/control").read_text())  # no placeholder is left


def test_every_module_has_its_byte_code_and_only_that(unpacked: Path) -> None:
    packages = unpacked / "usr/lib/emotion-edge/lib/python3.11/site-packages"
    modules = {path.stem for path in (packages / "edge").glob("*.py")}
    compiled = {path.name.split(".")[0] for path in (packages / "edge/__pycache__").iterdir()}
    assert compiled == modules
    code = (packages / "edge/__pycache__/cli.cpython-311.pyc").read_bytes()
    assert code[4] == 1  # valid whatever the age of the source: root cannot leave newer ones behind
    assert str(unpacked.parent).encode() not in code
    assert b"/usr/lib/emotion-edge/lib/python3.11/site-packages/edge/cli.py" in code


def test_rights_and_sums(package: Path, unpacked: Path) -> None:
    for line in run("dpkg-deb", "-c", package).splitlines():
        assert line.split()[1] == "root/root", line
        assert line[0] == "l" or line[8] != "w", line
    for script in SCRIPTS:
        assert (unpacked / "DEBIAN" / script).stat().st_mode & 0o777 == 0o755
    run("bash", "-c", f"cd '{unpacked}' && md5sum --quiet -c DEBIAN/md5sums")


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_are_sound(script: str) -> None:
    path = ROOT / "scripts/deb" / script
    run("sh", "-n", path)
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    run("shellcheck", "--severity=warning", path)


def test_the_tools_are_sound() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    tools = [ROOT / "scripts" / name for name in ("build-deb", "device-test", "device/boot", "device/tree")]
    tools += [ROOT / "scripts/device" / name for name in ("wheels", "guest-tree")]
    run("shellcheck", "--severity=error", *tools)


@pytest.mark.parametrize(
    "words", [["--release", "buster"], ["--arch", "armhf"], ["--wrong"], ["--output"], ["--release"]]
)
def test_wrong_words(words: list[str]) -> None:
    assert run(ROOT / "scripts/build-deb", *words, status=1)


def test_byte_code_is_not_writable_by_the_service(unpacked: Path) -> None:
    written = [path for path in unpacked.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert written == []
