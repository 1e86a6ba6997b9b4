"""One HTTP request and its answer per connection, with a bound on every size and every wait."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

import msgspec

MAX_HEAD = 8_192
MAX_BODY = 8_192
PATIENCE_S = 5.0  # for the whole head, the whole body, and the whole answer, each
_LINGER_S = 1.0

_TARGET = re.compile(r"/[!-~]{0,1000}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_LENGTH = re.compile(r"[0-9]{1,9}")

# Nothing but our own files runs or is shown, nobody frames the page, no text becomes markup.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",  # with none at all a browser hides the origin of a form, too
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Connection": "close",
}


class Refused(Exception):
    """An answer that is no; `str()` of it is for a person."""

    def __init__(self, status: HTTPStatus, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Request:
    """As it came; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: str  # the address it came from

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (part.partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, equals, value in pairs if equals}

    def document(self) -> dict[str, object]:
        """The body as a JSON table; Refused for anything else."""
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
        try:
            found: dict[str, object] = msgspec.json.decode(self.body, type=dict[str, object])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is not a JSON table") from None
        return found

    def form(self) -> dict[str, str]:
        """The body as the fields of a form; Refused for anything else."""
        if (
            self.headers.get("content-type", "").partition(";")[0].strip().lower()
            != "application/x-www-form-urlencoded"
        ):
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be a form")
        try:
            fields = parse_qs(self.body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is not a form") from None
        return {name: values[0] for name, values in fields.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `stream` True: the head alone, and more follows."""

    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}", f"Content-Type: {self.kind}"]
        own = {"Cache-Control": "no-store", **HEADERS, **self.headers}
        lines += [f"{name}: {value}" for name, value in own.items()]
        if not self.stream:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def json(data: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """A JSON document."""
    return Answer(msgspec.json.encode(data), "application/json", status)


async def read_request(reader: asyncio.StreamReader, peer: str) -> Request | None:
    """The request, None when the other side left without one; Refused when it is none of ours."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large") from None
    except (asyncio.TimeoutError, TimeoutError):
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the request took too long") from None
    method, path, headers = _parsed(head.decode("latin-1"))
    body = b""
    if method == "POST":
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not _LENGTH.fullmatch(length):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a body needs a Content-Length")
        if int(length) > MAX_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is too large; at most {MAX_BODY} bytes")
        try:
            body = await asyncio.wait_for(reader.readexactly(int(length)), PATIENCE_S)
        except asyncio.IncompleteReadError:
            return None
        except (asyncio.TimeoutError, TimeoutError):
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the request took too long") from None
    return Request(method, path, headers, body, peer)


def _parsed(head: str) -> tuple[str, str, dict[str, str]]:
    bad = Refused(HTTPStatus.BAD_REQUEST, "not a request that can be understood")
    first, *lines = head[:-4].split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0") or not _TARGET.fullmatch(words[1]):
        raise bad
    if words[0] not in ("GET", "POST"):
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and POST are used here", {"Allow": "GET, POST"})
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not _TOKEN.fullmatch(name) or "\0" in value or "\n" in value or name in headers:
            raise bad
        headers[name] = value.strip()
    return words[0], words[1].partition("?")[0], headers


async def send(writer: asyncio.StreamWriter, *parts: bytes) -> None:
    """All of it, or TimeoutError when the other side does not take it in time."""
    writer.writelines(parts)
    await asyncio.wait_for(writer.drain(), PATIENCE_S)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close so that an answer to a request that was not read to its end still arrives."""
    try:
        if writer.can_write_eof():
            writer.write_eof()
        read = 0
        while read < 64 * MAX_BODY:
            chunk = await asyncio.wait_for(reader.read(MAX_BODY), _LINGER_S)
            if not chunk:
                break
            read += len(chunk)
    except (OSError, asyncio.TimeoutError, TimeoutError):
        pass
    writer.close()
