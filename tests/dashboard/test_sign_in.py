"""The password: kept as a hash, asked for, rate-limited; and no other page can act in its name."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from edge.dashboard.attempts import Attempts
from edge.dashboard.password import Password, file_in, remove, store
from edge.dashboard.sessions import IDLE_S, LONGEST_S, Sessions
from edge.web import server
from edge.web.guard import client_address
from tests.dashboard.web import PASSWORD, Serve
from tests.helpers.clock import FakeClock


def test_only_a_salted_hash_is_kept_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = file_in(tmp_path / "state")
    store(file, PASSWORD)
    first = file.read_text()
    assert PASSWORD not in first
    assert first.startswith("scrypt$16384$8$1$")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store(file, PASSWORD)
    assert file.read_text() != first, "the same password twice makes two hashes"
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_another_process_may_set_it(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    password = Password(file)
    assert not password.is_set
    assert not password.matches("")
    store(file, PASSWORD)
    password.refresh()
    assert password.is_set
    assert password.matches(PASSWORD)
    for wrong in ("", PASSWORD[:-1], PASSWORD + "x", PASSWORD.upper(), "\0", "x" * 10_000, "ü" * 150):
        assert not password.matches(wrong), wrong
    version = password.version
    password.refresh()
    assert password.version == version
    store(file, "another one!")
    password.refresh()
    assert password.version == version + 1
    assert not password.matches(PASSWORD)
    remove(file)
    password.refresh()
    assert not password.is_set


@pytest.mark.parametrize(
    "content", ["", "plain", "scrypt$1$8$1$x$y", "scrypt$16384$8$1$AAAA", "scrypt$99999999$8$1$AAAA$AAAA", "\xff"]
)
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    file = file_in(tmp_path)
    file.write_text(content, "latin-1")
    password = Password(file)
    assert password.is_set
    for given in ("", "plain", PASSWORD):
        assert not password.matches(given)


def test_without_signing_in_there_is_nothing_but_the_door(serve: Serve) -> None:
    _, web = serve(password=PASSWORD)
    assert web.get("/").headers["location"] == "login"
    assert b"Password" in web.get("/login").body
    for path in ("/live", "/aim.jpg"):
        assert web.get(path).status == 401
    thresholds = [f"/thresholds/{what}" for what in ("try", "save", "reset")]
    for path in ("/privacy", *thresholds, "/rest/calibrate", "/rest/reset", "/aim", "/logout"):
        assert web.post(path, {"on": True}).status == 401


def test_the_right_password_opens_and_the_cookie_is_guarded(serve: Serve) -> None:
    _, web = serve(password=PASSWORD)
    wrong = web.sign_in("nearly right")
    assert wrong.status == 403
    assert b"Wrong password" in wrong.body
    assert "set-cookie" not in wrong.headers
    right = web.sign_in(PASSWORD)
    assert right.status == 303
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert web.get("/").status == 200
    assert web.snapshot()["signed_in"] is True
    assert web.post("/privacy", {"on": True}).status == 200
    assert web.get("/login").headers["location"] == "./"
    assert web.post("/logout", {}).status == 200
    assert web.get("/").headers["location"] == "login"


def test_behind_tls_the_cookie_is_for_tls_alone(serve: Serve) -> None:
    _, web = serve(password=PASSWORD, behind_tls=True)
    assert "; Secure" in web.sign_in(PASSWORD).headers["set-cookie"]


@pytest.mark.parametrize(
    "cookie",
    [
        "emotion_edge=",
        "emotion_edge=x",
        "emotion_edge=" + "A" * 43,
        "other=1",
        "emotion_edge=\xff",
        ";;;=",
        "emotion_edge",
    ],
)
def test_an_invented_cookie_opens_nothing(serve: Serve, cookie: str) -> None:
    _, web = serve(password=PASSWORD)
    web.cookie = cookie
    assert web.get("/live").status == 401


def test_a_new_password_signs_everybody_out(serve: Serve, tmp_path: Path) -> None:
    _, web = serve(password=PASSWORD)
    web.sign_in(PASSWORD)
    assert web.get("/").status == 200
    store(file_in(tmp_path), "a newer password")
    assert web.get("/").status == 303
    assert web.sign_in(PASSWORD).status == 403
    assert web.sign_in("a newer password").status == 303


def test_where_a_password_is_needed_none_means_nobody(serve: Serve, tmp_path: Path) -> None:
    """The file may go while we run: that must not open the door."""
    _, web = serve(password=PASSWORD, behind_tls=True)
    remove(file_in(tmp_path))
    assert web.get("/live").status == 401
    assert web.get("/").headers["location"] == "login"
    assert web.sign_in(PASSWORD).headers["location"] == "./"
    assert web.get("/").status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
    ],
)
def test_another_page_cannot_act(serve: Serve, headers: dict[str, str]) -> None:
    for password in (None, PASSWORD):
        _, web = serve(password=password)
        if password:
            web.sign_in(password)
        web.snapshot()
        assert web.post("/privacy", {"on": True}).status == 200
        for path in ("/privacy", "/thresholds/save", "/aim"):
            assert web.post(path, {"on": False, "values": {"decision.enter": 0.5}}, headers).status == 403


def test_another_page_cannot_sign_in_look_or_embed(serve: Serve) -> None:
    _, web = serve(password=PASSWORD)
    assert web.sign_in(PASSWORD, {"Origin": "http://elsewhere.example"}).status == 403
    web.sign_in(PASSWORD)
    for site in ("cross-site", "same-site"):
        assert web.get("/live", Sec_Fetch_Site=site).status == 403
        assert web.get("/aim.jpg", Sec_Fetch_Site=site).status == 403
    assert web.get("/", Host="elsewhere.example").status == 421
    assert web.get("/", Host=f"localhost:{web.port}").status == 200


def test_a_form_cannot_pretend_to_be_json(serve: Serve) -> None:
    _, web = serve()
    web.snapshot()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert web.post("/privacy", {"on": True}, {"Content-Type": kind}).status == 415


def test_wrong_passwords_by_the_thousand(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are even looked at, so that guessing is slow and costs the device little."""
    monkeypatch.setattr(server, "_BURST", 5_000)
    _, web = serve(password=PASSWORD)
    used = time.process_time()
    statuses = [web.sign_in(f"guess {i}").status for i in range(1_000)]
    used = time.process_time() - used
    tried = statuses.count(403)
    assert 5 <= tried <= 5 + 40, "five at once, then one every twelve seconds"
    assert statuses.count(429) == 1_000 - tried
    late = web.sign_in(PASSWORD)
    assert late.status == 429
    assert int(late.headers["retry-after"]) <= 13
    assert used < 30


def test_behind_a_proxy_everybody_has_their_own_attempts(serve: Serve) -> None:
    """A TLS proxy on the device: all connections come from loopback, and the header names who asked it."""
    _, web = serve(password=PASSWORD, behind_tls=True, trust_forwarded_for=True)
    guesser = {"X-Forwarded-For": "203.0.113.9"}
    assert [web.sign_in("guess", guesser).status for _ in range(7)] == [403] * 5 + [429] * 2
    lied = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}  # what a visitor sends comes before what the proxy adds
    assert web.sign_in("guess", lied).status == 429
    assert web.sign_in(PASSWORD, {"X-Forwarded-For": "203.0.113.10"}).status == 303


def test_without_the_owners_word_the_header_is_only_a_claim(serve: Serve) -> None:
    _, web = serve(password=PASSWORD, behind_tls=True)
    statuses = [web.sign_in("guess", {"X-Forwarded-For": f"203.0.113.{i}"}).status for i in range(7)]
    assert statuses == [403] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("peer", "header", "trusted", "found"),
    [
        ("127.0.0.1", "203.0.113.9", True, "203.0.113.9"),
        ("::1", "1.1.1.1,2001:db8::1", True, "2001:db8::1"),
        ("127.0.0.1", "203.0.113.9", False, "127.0.0.1"),
        ("192.0.2.1", "203.0.113.9", True, "192.0.2.1"),
        ("127.0.0.1", "", True, "127.0.0.1"),
        ("127.0.0.1", "unknown", True, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, \x1b[2J", True, "127.0.0.1"),
    ],
)
def test_who_asks(peer: str, header: str, trusted: bool, found: str) -> None:
    assert client_address(peer, {"x-forwarded-for": header}, trust_proxy=trusted) == found


def test_by_ingress_the_proxy_has_signed_them_in(serve: Serve) -> None:
    """Home Assistant's ingress: another origin than the host says, and a frame around the page."""
    _, web = serve(ingress="127.0.0.1")
    page = web.get("/", Host="172.30.33.5:8470")
    assert page.status == 200
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    shown = web.snapshot()
    assert shown["signed_in"] is False
    origin = {"Origin": "http://homeassistant.local:8123"}
    assert web.post("/privacy", {"on": True}, origin).status == 200
    assert web.post("/privacy", {"on": True}, {**origin, "X-CSRF-Token": "0" * 64}).status == 403


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_whoever_comes_around_the_ingress_needs_the_password(serve: Serve, password: str | None) -> None:
    _, web = serve(ingress="192.0.2.1", password=password)
    assert web.get("/live", X_Forwarded_For="192.0.2.1").status == 401
    assert web.get("/").headers["location"] == "login"
    assert web.get("/login").headers["x-frame-options"] == "DENY"
    signed_in = web.sign_in(PASSWORD).status == 303 and web.get("/").status == 200
    assert signed_in is (password is not None)


def test_attempts_are_limited_for_each_and_for_all(clock: FakeClock) -> None:
    attempts = Attempts(clock)
    assert [attempts.allow("a") for _ in range(5)] == [0.0] * 5
    assert 11 < attempts.allow("a") <= 12
    assert attempts.allow("b") == 0.0
    clock.pass_time(12.0)
    assert attempts.allow("a") == 0.0
    assert attempts.allow("a") > 0.0
    clock.pass_time(1_000.0)
    attempts.succeeded("owner")
    waits = [attempts.allow(f"stranger {i}") for i in range(2_000)]
    assert waits.count(0.0) == 20, "many addresses share one allowance"
    assert attempts.allow("owner") == 0.0, "but they cannot lock out who has been in"
    assert attempts.allow("new") > 0.0


def test_sessions_end_by_themselves(clock: FakeClock) -> None:
    sessions = Sessions(clock)
    word = sessions.open(1)
    assert sessions.valid(word, 1)
    clock.pass_time(IDLE_S + 1)
    assert not sessions.valid(word, 1)
    word = sessions.open(1)
    for _ in range(int(LONGEST_S / 3_600)):
        clock.pass_time(3_600)
        sessions.valid(word, 1)
    clock.pass_time(1)
    assert not sessions.valid(word, 1)
    words = [sessions.open(1) for _ in range(60)]
    assert [sessions.valid(each, 1) for each in words].count(True) == 50
    assert sessions.token(words[-1]) != sessions.token(words[-2])
    assert sessions.token_fits(words[-1], sessions.token(words[-1]))


def test_root_leaves_the_file_to_the_folders_owner(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(tmp_path, 1, 1)
    store(file_in(tmp_path), PASSWORD)
    assert file_in(tmp_path).stat().st_uid == 1
