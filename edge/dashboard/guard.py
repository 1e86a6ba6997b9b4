"""Whether a request comes from our own page. A foreign page can make a browser send requests, but not lie in these."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from edge.dashboard.exchange import Refused


def own_names(named: Sequence[str]) -> frozenset[str]:
    """The names by which the page may be called, in lower case."""
    machine = socket.gethostname().partition(".")[0]
    return frozenset(name.lower() for name in ("localhost", machine, f"{machine}.local", *named) if name)


def check_host(headers: Mapping[str, str], names: frozenset[str]) -> None:
    """Refused when the browser believes to talk to somebody else: a name that was made to point here (DNS rebinding).

    An address needs no check: it cannot be made to point anywhere.
    """
    name = _host(headers.get("host", ""))
    if name in names:
        return
    try:
        ipaddress.ip_address(name)
    except ValueError:
        raise Refused(
            HTTPStatus.MISDIRECTED_REQUEST,
            "this page does not go by that name; call it by its address, or add the name to dashboard.names",
        ) from None


def check_origin(headers: Mapping[str, str]) -> None:
    """Refused for what no page of ours sent."""
    origin = urlsplit(headers.get("origin", "")).netloc.lower()
    if not origin or origin != headers.get("host", "").lower():
        raise Refused(HTTPStatus.FORBIDDEN, "this was sent by another page")


def check_site(headers: Mapping[str, str]) -> None:
    """Refused when a foreign page embeds something of ours."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Refused(HTTPStatus.FORBIDDEN, "this was asked for by another page")


def _host(value: str) -> str:
    try:
        return (urlsplit(f"//{value}").hostname or "") if value else ""
    except ValueError:
        return ""
