"""`emotion-edge model list|install|rollback`: see which models are in use, install your own, switch back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.commands import common
from edge.device import paths
from edge.errors import ModelError, SignatureError
from edge.modelstore.package import MANIFEST, Package, read_package
from edge.modelstore.signature import signer
from edge.modelstore.store import NAMES, choose, in_use, install, rollback
from edge.printable import printable

_SIGNING = """\
Somebody must vouch for a model that is installed:
  a signature     the file model-signers beside the config lists whom you trust, a name and a public key on each line
                  (man ssh-keygen, ALLOWED SIGNERS), such as
                    me@example.org namespaces="emotion-edge-model" ssh-ed25519 AAAA...
                  and manifest.json.sig, in the package, is made with
                    ssh-keygen -Y sign -n emotion-edge-model -f ~/.ssh/id_ed25519 manifest.json
  --sha256 HEX    of the archive (sha256sum FILE), or of manifest.json where the package is a folder
"""


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("model", epilog=_SIGNING, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="which models the service uses")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=_list)
    installing = actions.add_parser("install", help="install and use your own model")
    installing.add_argument("package", type=Path, help="folder, .tar, .tar.gz or .zip with manifest.json and its file")
    installing.add_argument(
        "--signers", type=Path, help="list of whom you trust (default: model-signers beside the config)"
    )
    trust = installing.add_mutually_exclusive_group()
    trust.add_argument(
        "--sha256", metavar="HEX", help="trust it by this hash of the archive, or of manifest.json in a folder"
    )
    trust.add_argument("--unsigned", action="store_true", help="trust it without any check of where it comes from")
    installing.set_defaults(run=_install)
    back = actions.add_parser("rollback", help="switch to the previous model; and back again the next time")
    back.add_argument("name", choices=NAMES)
    back.set_defaults(run=_rollback)
    for action in (listing, installing, back):
        common.add_config(action)


def _store(arguments: argparse.Namespace) -> Path:
    return paths.model_store(arguments.config, common.state(arguments))


def _list(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    found = {}
    for name in NAMES:
        choice = choose(name, store)
        found[name] = {**choice.described(), "folder": str(choice.folder), "problem": choice.problem}
        try:
            used = in_use(name, store)
            found[name]["rollback"] = None if used == type(used)() else used.previous or "shipped"
        except ModelError:
            found[name]["rollback"] = "shipped"
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    for name, each in found.items():
        print(
            f"{name:<8} {each['version']:<10} {each['origin']:<10} sha256 {str(each['sha256'])[:12]}…  {each['folder']}"
        )
        if each["rollback"]:
            print(f"         previous: {each['rollback']} (`emotion-edge model rollback {name}`)")
        if each["problem"]:
            print(f"         the installed model is NOT used: {printable(each['problem'])}")
    return 1 if any(each["problem"] for each in found.values()) else 0


def _install(arguments: argparse.Namespace) -> int:
    package = read_package(arguments.package)
    trusted = _trusted(package, arguments)
    name = install(package, _store(arguments))
    print(f"{package.head.name}: {name} will be used from the next start of the service ({trusted})")
    print(_how_to_restart(arguments.config))
    return 0


def _trusted(package: Package, arguments: argparse.Namespace) -> str:
    """Why it may be used, in words; ModelError if nothing speaks for it."""
    if arguments.sha256:
        if arguments.sha256.lower() != package.digest:
            of = _hashed(arguments.package)
            raise ModelError(f"{arguments.package}: the sha256 of {of} is {package.digest}, not the one given")
        return "trusted by its hash"
    if arguments.unsigned:
        return "trusted without a signature"
    if package.signature is None:
        raise ModelError(
            f"{arguments.package}: is not signed (no {MANIFEST}.sig in it); use --sha256 HEX with the sha256 of "
            f"{_hashed(arguments.package)} as its author published it, or --unsigned"
        )
    signers = arguments.signers or (arguments.config or paths.SYSTEM_CONFIG).with_name("model-signers")
    try:
        return f"signed by {signer(package.files[MANIFEST], package.signature, signers)}"
    except SignatureError as error:
        raise ModelError(f"{arguments.package}: is not installed: {error}") from None


def _hashed(package: Path) -> str:
    """What the hash of a package is taken of."""
    return f"{package / MANIFEST}" if package.is_dir() else f"{package.name}"


def _rollback(arguments: argparse.Namespace) -> int:
    now = rollback(arguments.name, _store(arguments))
    print(f"{arguments.name}: {now.current or 'the shipped model'} will be used from the next start of the service")
    print(_how_to_restart(arguments.config))
    return 0


def _how_to_restart(config: Path | None) -> str:
    if config is None or config.parent != paths.SYSTEM_CONFIG.parent:
        return "next: restart emotion-edge"
    return "next: sudo systemctl restart emotion-edge" + ("" if config == paths.SYSTEM_CONFIG else f"@{config.stem}")
