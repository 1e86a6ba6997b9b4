"""Whether a request was meant for us: a foreign page can make a browser send requests, but not forge these headers."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from edge.web.exchange import Refused


def own_names(named: Sequence[str]) -> frozenset[str]:
    """The names by which the page may be called, in lower case."""
    machine = socket.gethostname().partition(".")[0]
    return frozenset(name.lower() for name in ("localhost", machine, f"{machine}.local", *named) if name)


def check_host(headers: Mapping[str, str], names: frozenset[str]) -> None:
    """Refused for a host name that somebody made to point here (DNS rebinding).

    An address needs no check: it cannot be made to point elsewhere.
    """
    name = _host(headers.get("host", ""))
    if name in names:
        return
    try:
        ipaddress.ip_address(name)
    except ValueError:
        raise Refused(
            HTTPStatus.MISDIRECTED_REQUEST,
            "unknown host name; use the address, or add the name to dashboard.names",
        ) from None


def check_origin(headers: Mapping[str, str]) -> None:
    """Refused for what no page of ours sent."""
    origin = urlsplit(headers.get("origin", "")).netloc.lower()
    if not origin or origin != headers.get("host", "").lower():
        raise Refused(HTTPStatus.FORBIDDEN, "the request was sent by another page")


def check_site(headers: Mapping[str, str]) -> None:
    """Refused when a foreign page embeds something of ours."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Refused(HTTPStatus.FORBIDDEN, "the request was made by another page")


def _host(value: str) -> str:
    try:
        return (urlsplit(f"//{value}").hostname or "") if value else ""
    except ValueError:
        return ""


def is_loopback(address: str) -> bool:
    """Whether the other side is on this device."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def client_address(peer: str, headers: Mapping[str, str], *, trust_proxy: bool) -> str:
    """The address of whoever asks. Behind a proxy on this device it is the last one of X-Forwarded-For, which the proxy
    appended itself; from anywhere else that header is only a claim and is ignored."""
    if not trust_proxy or not is_loopback(peer):
        return peer
    named = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(named))
    except ValueError:
        return peer


def same_address(one: str, other: str) -> bool:
    """Whether two texts name one address."""
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False
