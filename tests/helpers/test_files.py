"""The https server of the tests."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.helpers.files import FileServer


def test_a_client_that_says_nothing_keeps_no_other_waiting(tmp_path: Path) -> None:
    files = FileServer(tmp_path)
    (files.www / "model.tar").write_bytes(b"a model")
    port = urlsplit(files.root).port or 0
    with socket.create_connection(("127.0.0.1", port)):
        other = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=files.context)
        other.request("GET", "/model.tar")
        assert other.getresponse().read() == b"a model"
        other.close()
    files.close()
