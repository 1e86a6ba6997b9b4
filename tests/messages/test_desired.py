"""Documents for a fleet: read, or refused with the reason; never another exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.schema import DeviceConfig
from edge.messages.desired import names, opened, parse, sealed, topic
from edge.messages.document import Unreadable


def encoded(**fields: Any) -> bytes:
    return json.dumps({"v": 1, "version": 3, **fields}).encode()


def test_who_is_addressed() -> None:
    assert names(DeviceConfig(), "door") == ()
    assert names(DeviceConfig(site="north"), "door") == ("all", "door")
    assert names(DeviceConfig(group="hall"), "door") == ("all", "hall", "door")
    assert topic("hall", None) == "fleet/hall/desired"
    assert topic("hall", "acme") == "fleet/acme/hall/desired"


def test_a_document_is_read() -> None:
    document = parse(encoded(values={"decision.enter": 0.5}, tenant="acme"), "acme", "hall")
    assert document is not None
    assert (document.version, document.values) == (3, {"decision.enter": 0.5})
    assert parse(b" ", None, "hall") is None


@pytest.mark.parametrize(
    ("payload", "tenant", "why", "version"),
    [
        (encoded(tenant="rival"), "acme", "of tenant rival", 3),
        (encoded(), "acme", "nobody in particular", 3),
        (encoded(tenant="acme"), None, "of no tenant", 3),
        (encoded(v=2, new=True), None, "layout 2, and this device knows up to 1: update the device first", 3),
        (encoded(v=2, version="x"), None, "layout 2", None),
        (encoded(v="1"), None, "cannot be used", 3),
        (encoded(version=0), None, "cannot be used", 0),
        (encoded(version=True), None, "cannot be used", None),
        (encoded(secret=1), None, "unknown field `secret`", 3),
        (encoded(values=[1]), None, "cannot be used", 3),
        (encoded(values={f"a.b{n}": 1 for n in range(201)}), None, "201 values", 3),
        (encoded(name="door"), None, "is for door, and came for hall", 3),
        (b"[]", None, "cannot be used", None),
        (b"\xff", None, "not JSON", None),
        (b"[" * 50_000, None, "not JSON", None),
        (b" " + b"1" * 70_000, None, "too large", None),
    ],
)
def test_what_is_refused(payload: bytes, tenant: str | None, why: str, version: int | None) -> None:
    with pytest.raises(Unreadable, match=why) as refused:
        parse(payload, tenant, "hall")
    assert refused.value.version == version


def test_a_signed_one_comes_out_to_the_byte() -> None:
    content = b'{"v": 1,  "version": 3, "name": "hall", "values": {"a.\\u00e9": "\xc3\xa9"}}\n'
    assert opened(sealed(content, b"sig")) == (content, b"sig")
    assert opened(content) == (content, None)
    assert opened(b" ") == (b"", None)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"document": "{}"}, "cannot be used"),
        ({"signature": "s"}, "missing required field `document`"),
        ({"signature": "s", "document": " "}, "cannot be used"),
        ({"signature": "s", "document": {"v": 1}}, "cannot be used"),
        ({"signature": ["s"], "document": "{}"}, "cannot be used"),
        ({"signature": "s", "document": "{}", "version": 9}, "unknown field `version`"),
        ({"v": 2, "signature": "s"}, "layout 2"),
        ({"signature": "s", "document": '{"v": 2}'}, "layout 2"),
        ({"signature": "s", "document": '{"v": 1, "signature": "s", "document": "{}"}'}, "cannot be used"),
    ],
)
def test_a_signed_one_of_another_shape_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parse(opened(json.dumps({"v": 1, **fields}).encode())[0], None, "hall")


_SIGNED = st.fixed_dictionaries({"v": st.integers(0, 2), "document": st.text(), "signature": st.text()})


@given(st.one_of(st.binary(), _SIGNED.map(lambda each: json.dumps(each).encode())))
def test_nothing_but_a_refusal_comes_of_nonsense(payload: bytes) -> None:
    try:
        parse(opened(payload)[0], None, "hall")
    except Unreadable:
        return
