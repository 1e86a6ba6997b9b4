"""A static server with https on loopback, and somebody who signs what lies there."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from tests.helpers.authority import Authority


class _Handler(http.server.SimpleHTTPRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):  # a client that does not trust us hangs up
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


class FileServer:
    """Serves `www` below `folder` until it is closed."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder / "authority")
        self.ca = authority.file
        self.context = ssl.create_default_context(cafile=self.ca)
        self.context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self.www = folder / "www"
        self.www.mkdir()
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *given: _Handler(*given, directory=str(self.www))
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("files"))
        # Hands are shaken at the first read, in the client's thread: one that says nothing keeps no other waiting.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.root = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Signer:
    """Has a key; `list` is the file of those who are trusted, with this one in it."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.key = folder / "key"
        self._namespace = namespace
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.list = folder / "signers"
        self.list.write_text(f'me namespaces="{namespace}" {self.key.with_suffix(".pub").read_text()}')
        self.list.chmod(0o644)

    def signature(self, content: bytes, namespace: str = "") -> bytes:
        """Of what is no file."""
        words = ["-Y", "sign", "-q", "-n", namespace or self._namespace, "-f", str(self.key)]
        return subprocess.run(["ssh-keygen", *words], input=content, check=True, capture_output=True).stdout

    def sign(self, file: Path, namespace: str = "") -> None:
        """`file.sig` beside it."""
        words = ["-Y", "sign", "-n", namespace or self._namespace, "-f", str(self.key), str(file)]
        file.with_name(f"{file.name}.sig").unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)
