"""The notice for the door and the sheet on the intended use."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge.language.catalogue import LANGUAGES, Language, words

Run = Callable[..., tuple[int, str, str]]


class Text(HTMLParser):
    """All text of a page; fails on what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name in ("src", "href") for name, _ in attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_it_names_the_owner_and_says_what_the_config_says(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[device]\nname = "hall"\n[mqtt]\nhost = "broker.lan"\n[microphone]\nsource = "none"\n'
        '[privacy]\nquiet_hours = [{ start = "22:00", end = "07:00" }]\n'
    )
    words = ["--owner", "A & B <Ltd>", "--contact", "a@example.org", "--language", "de", "--language", "en"]
    status, out, err = run("notice", "--config", config, *words)
    assert (status, err) == (0, "")
    page = Text()
    page.feed(out)
    assert page.open == []
    for part in ("A & B <Ltd>", "a@example.org", "hall, with camera in use", "broker.lan", "22:00 to 07:00",
                 "Article 5", "Emotionserkennung in Betrieb", "Emotion recognition in use"):  # fmt: skip
        assert part in page.words, part


def test_it_is_written_to_a_file(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("notice", "--owner", "o", "--contact", "c", "--output", tmp_path / "n.html")
    assert status == 0
    assert str(tmp_path / "n.html") in out
    assert (tmp_path / "n.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(run: Run, tmp_path: Path, language: Language) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[device]\nname = "hall"\n[dashboard]\npreview = "device"\n[history]\nkeep_days = 3\n'
        '[privacy]\nquiet_hours = [{ start = "22:00", end = "07:00" }]\n'
    )
    _, out, _ = run("notice", "--config", config, "--owner", "A", "--contact", "a@example.org", "--language", language)
    page = Text()
    page.feed(out)
    assert "{" not in page.words.partition("dd { margin: 0; }")[2], "a place was not filled"
    for part in ("hall", "22:00", "07:00", "2024/1689", "MQTT", words(language)["notice.forbidden"]):
        assert part in page.words, part
    assert out.count(f'lang="{language}"') == 3, "the page, the notice and the sheet"


def test_it_says_that_days_are_kept_where_they_are(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    words = ["--config", str(config), "--owner", "A", "--contact", "a@example.org"]
    config.write_text("")
    assert "summary of each minute" not in run("notice", *words)[1]
    config.write_text("[history]\nkeep_days = 30\n")
    assert "stays on the device for 30 days" in run("notice", *words)[1]
