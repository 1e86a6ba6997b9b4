"""What a page refuses, in the visitor's language. Documents that succeed are put into words in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus

import msgspec

from edge.language.catalogue import Language
from edge.language.lines import said
from edge.web.exchange import Answer, Refused


def refusal_in(answer: Answer, language: Language) -> Answer:
    """The same answer; the `error` of a JSON document that says no reads in `language`."""
    if answer.status < HTTPStatus.BAD_REQUEST or answer.kind != "application/json":
        return answer
    content = msgspec.json.decode(answer.body)
    content["error"] = said(content.get("error", ""), language)
    return replace(answer, body=msgspec.json.encode(content))


@contextmanager
def refused_in(language: Language) -> Iterator[None]:
    """A Refused that is raised inside reads in `language`."""
    try:
        yield
    except Refused as refused:
        raise Refused(refused.status, said(str(refused), language), refused.headers) from None
