"""The files of the page: those of `static/` as they are, the two pages and the catalogue in the visitor's language."""

from __future__ import annotations

import html
import re
from pathlib import Path

import msgspec

from edge.language.catalogue import LANGUAGES, Language, accepted, words
from edge.web.exchange import Answer, Request

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_CATALOGUE = "/catalogue.js"
_PLACE = re.compile(r"\{\{([a-z_.]+)\}\}")
_COMMAND = "<code>emotion-edge passwd</code>"


class Files:
    """Read once. Nothing but what is in the folder beside us can be named. `language` is for browsers that ask for none
    of ours."""

    def __init__(self, language: Language) -> None:
        self._language = language
        folder = Path(__file__).parent / "static"
        self._static = {
            f"/{file.name}": Answer(file.read_bytes(), f"{KINDS[file.suffix]}; charset=utf-8", headers=_headers())
            for file in sorted(folder.iterdir())
            if file.suffix in KINDS
        }
        self._pages = {
            (name, each): _page((folder / f"{name}.html").read_text("utf-8"), each)
            for name in ("index", "login")
            for each in LANGUAGES
        }
        self._catalogues = {
            each: Answer(
                b"export default " + msgspec.json.encode(dict(words(each))) + b";\n",
                "text/javascript; charset=utf-8",
                headers=_headers(each),
            )
            for each in LANGUAGES
        }

    def language(self, request: Request) -> Language:
        """The visitor's."""
        return accepted(request.headers.get("accept-language", ""), self._language)

    def page(self, name: str, request: Request) -> Answer:
        """`index` or `login`."""
        return self._pages[name, self.language(request)]

    def get(self, path: str, request: Request) -> Answer | None:
        """Whatever else has this path."""
        return self._catalogues[self.language(request)] if path == _CATALOGUE else self._static.get(path)


def _page(text: str, language: Language) -> Answer:
    catalogue = {**{key: html.escape(word) for key, word in words(language).items()}, "language": language}
    catalogue["forgotten"] = catalogue["forgotten"].replace("{command}", _COMMAND)
    body = _PLACE.sub(lambda place: catalogue[place[1]], text)
    return Answer(body.encode(), "text/html; charset=utf-8", headers=_headers(language))


def _headers(language: Language | None = None) -> dict[str, str]:
    own = {"Cache-Control": "no-cache"}
    return own if language is None else {**own, "Content-Language": language, "Vary": "Accept-Language"}
