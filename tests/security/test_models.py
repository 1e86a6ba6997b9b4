"""Models from elsewhere: only what somebody vouches for, whole, and fit for the service is used; and it can go back."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.device import paths, resources
from edge.errors import EdgeError, ModelError
from edge.inference import MAX_BYTES
from edge.modelstore.package import read_package
from edge.modelstore.store import InUse, choose, in_use, install, rollback
from tests.helpers.broker import Observer
from tests.helpers.service import Run, Start

Change = Callable[[dict[str, Any]], None]


def model(folder: Path, name: str = "face", version: str = "9", change: Change | None = None) -> Path:
    """A model folder made of the shipped one, with another version."""
    folder.mkdir(parents=True, exist_ok=True)
    shipped = resources.models() / name
    manifest = json.loads((shipped / "manifest.json").read_text())
    manifest["version"] = version
    if change:
        change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for file in shipped.glob("*.tflite"):
        shutil.copy(file, folder)
    return folder


def packed(folder: Path, ending: str) -> Path:
    """The folder as an archive."""
    path = folder.with_suffix(ending)
    if ending == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in folder.iterdir():
                archive.write(file, f"{folder.name}/{file.name}")
    else:
        with tarfile.open(path, "w:gz" if ending.endswith("gz") else "w") as archive:
            archive.add(folder, arcname=f"./{folder.name}")
    return path


def member(name: str, content: bytes = b"x", **values: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in values.items():
        setattr(info, key, value)
    return info, content


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


# What is read


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".zip", ""])
@pytest.mark.parametrize("name", ["finder", "face", "speech", "text", "fusion"])
def test_folder_and_archive_hold_the_same(tmp_path: Path, name: str, ending: str) -> None:
    folder = model(tmp_path / "m", name)
    (folder / "README.md").write_text("the model card")
    package = read_package(packed(folder, ending) if ending else folder)
    assert package.head.version == "9"
    assert set(package.files) == {"manifest.json"} | ({f"{name}.tflite"} if name != "fusion" else set())
    assert all(content == (folder / each).read_bytes() for each, content in package.files.items())


HOSTILE_NAMES = ["../manifest.json", "/etc/passwd", "a/../../b", "..\\b", "a\nb", "a\x1bb"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_that_lead_out_of_the_archive(tmp_path: Path, name: str) -> None:
    (good,) = [member("manifest.json", (model(tmp_path / "m") / "manifest.json").read_bytes())]
    with pytest.raises(ModelError, match=r"leads out of it; nothing of it was used"):
        read_package(tar(tmp_path / "evil.tar", good, member(name)))
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("manifest.json", good[1])
        archive.writestr(name, b"x")
    with pytest.raises(ModelError, match="leads out of it"):
        read_package(tmp_path / "evil.zip")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S", b"?"]
)
def test_members_that_are_no_files(tmp_path: Path, kind: bytes) -> None:
    evil = member("manifest.json", b"" if kind not in (b"S", b"?") else b"x", type=kind, linkname="/etc/shadow")
    with pytest.raises(ModelError, match=r"no ordinary file|no usable|holds no manifest|cannot be used"):
        read_package(tar(tmp_path / "evil.tar", evil))


def test_links_in_a_zip_and_in_a_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        link = zipfile.ZipInfo("manifest.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
    with pytest.raises(ModelError, match="no ordinary file"):
        read_package(tmp_path / "evil.zip")
    folder = model(tmp_path / "m")
    (folder / "face.tflite").unlink()
    (folder / "face.tflite").symlink_to(secret)
    with pytest.raises(ModelError, match="cannot be read"):
        read_package(folder)
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    with pytest.raises(ModelError, match="is not a file"):
        read_package(folder)


def test_more_than_a_device_can_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bombs of every kind: refused before they go off, whatever they say about their size."""
    bomb = tmp_path / "bomb.tar.gz"
    with gzip.open(bomb, "wb", 9) as out:
        for _ in range(40):
            out.write(bytes(1_000_000))
    began = time.monotonic()
    with pytest.raises(ModelError, match="more than"):
        read_package(bomb)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(4):
            archive.writestr(f"{number}", bytes(10_000_000))
    with pytest.raises(ModelError, match="more than"):
        read_package(tmp_path / "bomb.zip")
    with pytest.raises(ModelError, match="more than 64 files"):
        read_package(tar(tmp_path / "many.tar", *(member(f"f{number}") for number in range(100))))
    with (tmp_path / "huge.zip").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelError, match="larger than"):
        read_package(tmp_path / "huge.zip")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(100), b"\x1f\x8b", b"\x1f\x8b\x08" + bytes(50),
                                     bytes(1024), b"\xff" * 2000, b"not an archive at all"])  # fmt: skip
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ModelError, match=r"no usable|holds no manifest"):
        read_package(tmp_path / "x")


def test_archives_cut_and_spoilt_anywhere(tmp_path: Path) -> None:
    """Never anything but a whole model or a refusal."""
    for ending in (".tar", ".tar.gz", ".zip"):
        raw = packed(model(tmp_path / "m", "fusion"), ending).read_bytes()
        good = read_package(tmp_path / f"m{ending}").files
        spoilt = tmp_path / "spoilt"
        for at in range(0, len(raw), max(1, len(raw) // 60)):
            for content in (raw[:at], raw[:at] + bytes([raw[at] ^ 0x55]) + raw[at + 1 :]):
                spoilt.write_bytes(content)
                try:
                    found = read_package(spoilt).files
                except ModelError:
                    continue
                assert set(found) == set(good)


def test_two_models_in_one_and_doubles(tmp_path: Path) -> None:
    manifest = (model(tmp_path / "m") / "manifest.json").read_bytes()
    with pytest.raises(ModelError, match="one model"):
        read_package(
            tar(tmp_path / "two.tar", member("a/manifest.json", manifest), member("b/manifest.json", manifest))
        )
    with pytest.raises(ModelError, match="twice"):
        read_package(tar(tmp_path / "twice.tar", member("manifest.json", manifest), member("./manifest.json", b"{}")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "is not what the manifest says"),
        ({"file": "../face.tflite"}, "cannot be used"),
        ({"file": "/etc/passwd"}, "cannot be used"),
        ({"file": "manifest.json"}, "names itself"),
        ({"file": "absent.tflite"}, "cannot be read"),
        ({"version": "../../x"}, "cannot be used"),
        ({"version": ""}, "cannot be used"),
        ({"name": "a/b"}, "cannot be used"),
    ],
)
def test_a_manifest_that_lies(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_package(model(tmp_path / "m", change=lambda manifest: manifest.update(change)))


# What is tried


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("face", lambda m: m["labels"].reverse(), "has the labels"),
        ("face", lambda m: m["labels"].pop(), "has the labels"),
        ("face", lambda m: m["inputs"][0].update(shape=[1, 96, 96, 1]), "differs from the manifest"),
        ("face", lambda m: m["outputs"][0].update(name="scores"), "gives logits"),
        ("face", lambda m: m["preprocessing"].update(side=10_000), "image of its side"),
        ("face", lambda m: m["preprocessing"].update(normalise="another way"), "this version does"),
        ("face", lambda m: m.update(temperature=0), "temperature"),
        ("speech", lambda m: m["preprocessing"].update(hop=320), "preprocessing.hop is 320"),
        ("speech", lambda m: m["preprocessing"].pop("mean"), "preprocessing.mean"),
        ("fusion", lambda m: m.update(face=1e9), "no usable fusion weights"),
        ("fusion", lambda m: m.update(labels=["happy"]), "has the labels"),
        ("mood", lambda m: m.update(), "no model 'mood'"),
    ],
)  # fmt: skip
def test_what_the_service_could_not_use_is_not_installed(
    tmp_path: Path, name: str, change: Change, message: str
) -> None:
    if name == "mood":
        folder = model(tmp_path / "m", "fusion", change=lambda m: m.update(name="mood"))
    else:
        folder = model(tmp_path / "m", name, change=change)
    with pytest.raises(ModelError, match=message) as refused:
        install(read_package(folder), tmp_path / "store")
    assert "/proc/" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert not list((tmp_path / "store").glob("*/*"))
    assert choose(name if name != "mood" else "face", tmp_path / "store").installed is False


def test_a_file_that_breaks_the_runtime_breaks_only_the_trial(tmp_path: Path) -> None:
    """Bits turned over in the middle of a model that is otherwise in order, hash and all."""
    outcomes = set()
    for at in (8, 700):
        folder = model(tmp_path / f"m{at}")
        content = bytearray((folder / "face.tflite").read_bytes())
        content[at : at + 64] = b"\xff" * 64
        (folder / "face.tflite").write_bytes(content)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["sha256"] = hashlib.sha256(content).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))
        try:
            install(read_package(folder), tmp_path / "store")
            outcomes.add("works")  # what was hit does not matter to it
        except ModelError as error:
            outcomes.add("crash" if "crashes" in str(error) else "refused")
    assert outcomes - {"works"}


# Going forth and back


def test_forth_and_back(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert choose("fusion", store).folder == resources.models() / "fusion"
    with pytest.raises(ModelError, match="there is no previous model"):
        rollback("fusion", store)
    first = install(read_package(model(tmp_path / "a", "fusion", version="9")), store)
    assert choose("fusion", store).version == "9"
    second = install(read_package(model(tmp_path / "b", "fusion", version="10")), store)
    assert in_use("fusion", store) == InUse(second, first)
    assert rollback("fusion", store) == InUse(first, second)
    assert choose("fusion", store).version == "9"
    assert rollback("fusion", store) == InUse(second, first)
    third = install(read_package(model(tmp_path / "c", "fusion", version="11")), store)
    assert sorted(path.name for path in (store / "fusion").iterdir() if path.is_dir()) == sorted([second, third])
    # The same once more, and then back to the one that came with the service.
    other = tmp_path / "other"
    install(read_package(model(tmp_path / "a", "fusion")), other)
    assert rollback("fusion", other).current is None
    assert choose("fusion", other).installed is False
    assert rollback("fusion", other).current is not None


@pytest.mark.parametrize("spoilt", ["model", "manifest", "gone", "in use", "elsewhere", "empty"])
def test_an_installed_model_that_broke_gives_way_to_the_shipped_one(tmp_path: Path, spoilt: str) -> None:
    name, store = "face" if spoilt == "model" else "fusion", tmp_path / "store"
    place = store / name / install(read_package(model(tmp_path / "m", name)), store)
    if spoilt == "manifest":
        (place / "manifest.json").write_text("{")
    elif spoilt == "model":
        with (place / "face.tflite").open("r+b") as file:
            file.truncate(1000)
    elif spoilt == "gone":
        shutil.rmtree(place)
    else:
        content = {"in use": "garbage", "elsewhere": '{"current": "../../../etc"}', "empty": ""}[spoilt]
        (store / name / "in-use.json").write_text(content)
    choice = choose(name, store)
    assert choice.folder == resources.models() / name
    assert choice.problem
    install(read_package(model(tmp_path / "m", name)), store)  # and another install mends it
    assert choose(name, store).installed


def test_killed_in_the_middle_it_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    """The store is copied at random instants while models are installed one after the other."""
    store = tmp_path / "store"
    install(read_package(model(tmp_path / "m0", "fusion", "0")), store)
    stop = threading.Event()
    problems: list[str] = []
    seen = set()

    def look() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            copy = tmp_path / "copy" / str(number)
            switch = store / "fusion" / "in-use.json"
            before = switch.read_bytes()
            try:
                shutil.copytree(store, copy)
            except shutil.Error:
                continue  # what was not in use any more went away while it was copied
            if switch.read_bytes() != before:
                continue  # the copy is of two instants
            choice = choose("fusion", copy, trial=False)
            seen.add(choice.version)
            if choice.problem:
                problems.append(choice.problem)
            shutil.rmtree(copy)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(1, 6):
            install(read_package(model(tmp_path / f"m{number}", "fusion", str(number))), store)
    finally:
        stop.set()
        watcher.join()
    assert not problems
    assert len(seen) >= 3


def test_power_goes_while_the_switch_is_written(tmp_path: Path) -> None:
    store = tmp_path / "store"
    name = install(read_package(model(tmp_path / "a", "fusion", "1")), store)
    half = store / "fusion" / ".in-use.json.01234567.new"
    half.write_text('{"curr')
    os.utime(half, (0, 0))
    (store / "fusion" / ".new-half").mkdir()
    assert in_use("fusion", store).current == name
    install(read_package(model(tmp_path / "b", "fusion", "2")), store)
    assert not list((store / "fusion").glob(".*"))


# Who vouches for it


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is needed for signatures: apt install openssh-client")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("owner", "stranger"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(words, check=True)
    return folder


def signed(folder: Path, key: Path, namespace: str = "emotion-edge-model") -> Path:
    words = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", str(key), str(folder / "manifest.json")]
    (folder / "manifest.json.sig").unlink(missing_ok=True)
    subprocess.run(words, check=True, capture_output=True)
    return folder


@pytest.fixture
def home(tmp_path: Path, keys: Path) -> Path:
    """A folder with a config, and beside it whom its owner trusts."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "config.toml").touch()
    signers = etc / "model-signers"
    signers.write_text(f'me@home namespaces="emotion-edge-model" {(keys / "owner.pub").read_text()}')
    signers.chmod(0o644)
    return etc


def install_words(home: Path, package: Path, *words: str) -> tuple[str | Path, ...]:
    return ("model", "install", package, "--config", home / "config.toml", "--state", home.parent / "state", *words)


def test_signed_by_the_owner(run: Run, home: Path, keys: Path, tmp_path: Path) -> None:
    package = packed(signed(model(tmp_path / "m", "fusion"), keys / "owner"), ".tar.gz")
    status, out, err = run(*install_words(home, package))
    assert status == 0, err
    assert "signed by me@home" in out
    status, out, _ = run("model", "list", "--json", "--config", home / "config.toml", "--state", tmp_path / "state")
    assert json.loads(out)["fusion"]["origin"] == "installed"
    status, out, _ = run("model", "rollback", "fusion", "--config", home / "config.toml", "--state", tmp_path / "state")
    assert status == 0
    assert "the shipped model will be used" in out


def test_not_signed_by_the_owner(run: Run, home: Path, keys: Path, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", "fusion")

    def refused(*words: str) -> str:
        status, out, err = run(*install_words(home, folder, *words))
        assert status == 1, out
        assert "Traceback" not in err
        assert not list((tmp_path / "state").rglob("in-use.json"))
        return err

    assert "is not signed" in refused()
    assert "the signature is not by anybody in" in refused_after(lambda: signed(folder, keys / "stranger"), refused)
    assert "signed for something else" in refused_after(lambda: signed(folder, keys / "owner", "file"), refused)
    signed(folder, keys / "owner")
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"version": "9"', '"version": "8"'))
    assert "what was signed has been altered" in refused()
    (folder / "manifest.json").write_text(text)
    (folder / "manifest.json.sig").write_bytes(os.urandom(300))
    assert "signature" in refused()
    signed(folder, keys / "owner")
    (home / "model-signers").chmod(0o666)
    assert "other users may change it" in refused()
    (home / "model-signers").unlink()
    assert "lists whose signatures you trust" in refused()
    assert "not the one given" in refused("--sha256", "0" * 64)


def refused_after(change: Callable[[], object], refused: Callable[[], str]) -> str:
    change()
    return refused()


def test_a_file_altered_after_it_was_signed(run: Run, home: Path, keys: Path, tmp_path: Path) -> None:
    folder = signed(model(tmp_path / "m"), keys / "owner")
    content = bytearray((folder / "face.tflite").read_bytes())
    content[5000] ^= 1
    (folder / "face.tflite").write_bytes(content)
    for words in ((), ("--unsigned",)):
        status, _, err = run(*install_words(home, folder, *words))
        assert status == 1
        assert "is not what the manifest says" in err


def test_trusted_for_its_hash(run: Run, home: Path, tmp_path: Path) -> None:
    package = packed(model(tmp_path / "m", "fusion"), ".zip")
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    status, out, err = run(*install_words(home, package, "--sha256", digest.upper()))
    assert status == 0, err
    assert "trusted by its hash" in out


def test_the_installed_services_models_are_roots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The unit's ProtectSystem=strict keeps the service from changing them; its state folder would not."""
    assert paths.model_store(paths.SYSTEM_CONFIG, Path("/var/lib/emotion-edge")) == Path("/opt/emotion-edge/models")
    assert paths.model_store(tmp_path / "config.toml", tmp_path) == tmp_path / "models"
    assert paths.model_store(None, tmp_path) == tmp_path / "models"


# In place of what loads the model: tells as whom it runs, and whether it can become root again or write.
SPY = """
import os, sys
from pathlib import Path
from edge.modelstore import trial
def spy(folder):
    try:
        os.setuid(0)
    except OSError:
        pass
    if os.getuid() == 0:
        print("as root:", folder)
    can = os.access(folder / "manifest.json", os.R_OK), os.access(folder, os.W_OK)
    if "{folder}" in str(folder):
        trial._refuse(f"{{os.getresuid()}} {{os.getresgid()}} {{os.getgroups()}} {{can}}")
trial._fusion = spy
{more}
sys.exit(trial._main("fusion", Path(sys.argv[1])))
"""


def spied(tmp_path: Path, more: str = "") -> tuple[str, list[str]]:
    """What a trial by root says when it runs SPY, and which folders it was given as root."""
    folder = model(tmp_path / "untrusted", "fusion")
    code = SPY.format(folder=folder, more=more)
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    *as_root, said = done.stdout.splitlines()
    return said, [line.removeprefix("as root: ") for line in as_root]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_root_gives_up_its_rights_before_it_looks_at_the_model(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and str(folder).startswith("/tmp/"):  # noqa: S108
            folder.chmod(0o755)
    said, as_root = spied(tmp_path)
    assert said == "(65534, 65534, 65534) (65534, 65534, 65534) [] (True, False)"
    assert as_root == [str(resources.models() / "fusion")]  # the shipped one, to load the libraries


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.parametrize(
    "more",
    [
        "def no(*_): raise PermissionError(1, 'Operation not permitted')\nos.setresuid = no",
        "os.setgroups = os.setresuid = os.setresgid = lambda *_: None",
    ],
)
def test_where_root_cannot_give_up_its_rights_nothing_is_tried(tmp_path: Path, more: str) -> None:
    """And what is missing is told."""
    said, as_root = spied(tmp_path, more)
    assert said.startswith("it was not tried, because an untrusted model is never run as root: ")
    assert "not permitted" in said or "some rights are left" in said
    assert as_root == [str(resources.models() / "fusion")]


# The running service


def test_the_service_uses_it_from_the_next_start_and_survives_it(
    start: Start, observer: Observer, tmp_path: Path
) -> None:
    store = tmp_path / "state" / "models"
    store.parent.mkdir(mode=0o700)
    install(read_package(model(tmp_path / "m", version="9")), store)
    service = start()
    info = observer.wait("/info", 20).json
    assert info["models"]["face"]["version"] == "9"
    assert info["models"]["face"]["origin"] == "installed"
    assert info["models"]["speech"]["origin"] == "shipped"
    observer.wait("/reading", 20, lambda m: bool(m.json["face"]))
    service.signal(signal.SIGKILL)
    service.wait()

    with next(store.glob("face/*/face.tflite")).open("r+b") as file:
        file.truncate(1000)
    observer.messages.clear()
    service.start()
    info = observer.wait("/info", 20, lambda m: not m.retained).json
    assert info["models"]["face"]["origin"] == "shipped"
    observer.wait("/reading", 20, lambda m: bool(m.json["face"]))
    assert service.stop() == 0
    assert "the installed face model is NOT used, the shipped one is: " in service.log.read_text()


def test_whatever_roots_umask_the_service_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        install(read_package(model(tmp_path / "m", "fusion")), tmp_path / "state" / "models")
    finally:
        os.umask(before)
    store = tmp_path / "state" / "models"
    for path in (store, *store.rglob("*")):
        if path.name != ".lock":
            assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    assert stat.S_IMODE(store.parent.stat().st_mode) == 0o700


def test_errors_of_the_store_are_clear(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EdgeError, match="cannot be written"):
        install(read_package(model(tmp_path / "m", "fusion")), tmp_path / "file")
