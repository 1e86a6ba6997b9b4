"""The files of the page: those of `static/` as they are, the pages and the catalogue in the visitor's language."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from edge.language.catalogue import LANGUAGES, Language, accepted, words
from edge.web.exchange import Answer, Request

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_CATALOGUE = "/catalogue.js"
_STATIC = Path(__file__).parent / "static"
_PART = re.compile(r"\{\{> ([a-z]+)\}\}")  # what all pages share: a file in static/parts
_PLACE = re.compile(r"\{\{([a-z_.]+)\}\}")  # a message of the catalogue
_COMMAND = "<code>emotion-edge passwd</code>"


class Files:
    """Read once. Nothing but what is in the folder beside us can be named; what `more`, another folder, has by the same
    name is taken from there. `language` is for browsers that ask for none of ours; what begins with one of `leave_out`
    is not among the page's messages."""

    def __init__(
        self,
        language: Language,
        more: Path | None = None,
        *,
        leave_out: tuple[str, ...] = ("ha.", "setup.", "notice.", "doctor.", "line."),
    ) -> None:
        self._language = language
        folders = [_STATIC, *([more] if more is not None else [])]
        files = {file.name: file for folder in folders for file in sorted(folder.iterdir())}
        self._static = {
            f"/{name}": Answer(file.read_bytes(), f"{KINDS[file.suffix]}; charset=utf-8", headers=_headers())
            for name, file in files.items()
            if file.suffix in KINDS
        }
        self._pages = {
            (file.stem, each): _page(file.read_text("utf-8"), each)
            for file in files.values()
            if file.suffix == ".html"
            for each in LANGUAGES
        }
        self._catalogues = {
            each: Answer(
                b"export default " + msgspec.json.encode(_without(words(each), leave_out)) + b";\n",
                "text/javascript; charset=utf-8",
                headers=_headers(each),
            )
            for each in LANGUAGES
        }

    def language(self, request: Request) -> Language:
        """The visitor's."""
        return accepted(request.headers.get("accept-language", ""), self._language)

    def page(self, name: str, request: Request) -> Answer:
        """A page by its name, such as `index` or `login`."""
        return self._pages[name, self.language(request)]

    def get(self, path: str, request: Request) -> Answer | None:
        """Whatever else has this path."""
        return self._catalogues[self.language(request)] if path == _CATALOGUE else self._static.get(path)


def _without(messages: Mapping[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {key: message for key, message in messages.items() if not key.startswith(prefixes)}


def _page(text: str, language: Language) -> Answer:
    catalogue = {**{key: html.escape(word) for key, word in words(language).items()}, "language": language}
    catalogue["forgotten"] = catalogue["forgotten"].replace("{command}", _COMMAND)
    whole = _PART.sub(lambda part: (_STATIC / "parts" / f"{part[1]}.html").read_text("utf-8").rstrip("\n"), text)
    body = _PLACE.sub(lambda place: catalogue[place[1]], whole)
    return Answer(body.encode(), "text/html; charset=utf-8", headers=_headers(language))


def _headers(language: Language | None = None) -> dict[str, str]:
    own = {"Cache-Control": "no-cache"}
    return own if language is None else {**own, "Content-Language": language, "Vary": "Accept-Language"}
