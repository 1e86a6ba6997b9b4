"""Past days, where the service keeps them: summed up for the page's charts, as CSV, and deleted when asked to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from edge.dashboard.history import History
from edge.device.clock import Clock
from edge.errors import StorageError
from edge.history.minutes import STATES, Minute, Total, mean_people, valence_arousal
from edge.rate_limit import RateLimit
from edge.readings import LABELS
from edge.web.exchange import Answer, Refused, Request, json

log = logging.getLogger(__name__)

STEPS = (900, 3_600)  # seconds; a chart has columns of a quarter of an hour or of an hour
_MOST = 200  # columns
_DAY_S = 86_400
_CSV_DAYS = 400
_HEAD = (
    "begin", "seconds", *(f"{state}_s" for state in STATES), *(f"p_{label}" for label in LABELS), "valence", "arousal",
    "people_mean", "people_max",
)  # fmt: skip

T = TypeVar("T")


class PastDays(Protocol):
    """What the service keeps of past days; may be asked from any thread, and may raise StorageError."""

    @property
    def keep_days(self) -> int: ...
    def first(self) -> int | None: ...
    def between(self, start: float, end: float) -> list[Minute]: ...
    def totals(self, start: int, end: int, step: int) -> dict[int, Total]: ...
    def delete(self) -> None: ...


class Days:
    """Belongs to the page's thread; the file is read by `work`."""

    def __init__(self, kept: PastDays | None, *, history: History, clock: Clock, work: Executor) -> None:
        self._kept = kept
        self._history = history
        self._clock = clock
        self._work = work
        self._looks = RateLimit(20, 0.5, clock.monotonic())

    @property
    def keep_days(self) -> int:
        """0: nothing is kept, or not by this process."""
        return 0 if self._kept is None else self._kept.keep_days

    async def view(self, request: Request) -> Answer:
        """{"start", "end", "step"}, in seconds of the epoch: time in each state for each step of which something is
        known."""
        kept = self._readable()
        asked = request.document()
        start, end, step = (asked.get(key) for key in ("start", "end", "step"))
        if not (isinstance(start, int) and isinstance(end, int) and isinstance(step, int) and step in STEPS):
            raise Refused(HTTPStatus.BAD_REQUEST, f"start and end must be whole seconds, step one of {STEPS}")
        if not 0 < end - start <= _MOST * step or abs(start) > 2**40:
            raise Refused(HTTPStatus.BAD_REQUEST, f"at most {_MOST} steps at once")
        forgotten = self._history.forgotten
        first, totals = await self._do(lambda: (kept.first(), kept.totals(start, end, step)))
        if forgotten != self._history.forgotten:
            raise _PRIVATE
        return json({"first": first, "states": STATES, "steps": [_step(at, totals[at]) for at in sorted(totals)]})

    async def delete(self, _: Request) -> Answer:
        """All of it goes, on the disk and in memory."""
        if self._kept is None:
            raise _NOTHING
        await self._do(self._kept.delete)
        log.info("history: deleted from the page")
        return json({})

    def csv(self) -> tuple[Answer, AsyncGenerator[bytes, None]]:
        """Every minute, the oldest first."""
        kept = self._readable()
        name = f"emotion-{datetime.fromtimestamp(self._clock.wall(), timezone.utc):%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Answer(kind="text/csv; charset=utf-8", headers=headers, stream=True), self._lines(kept)

    async def _lines(self, kept: PastDays) -> AsyncGenerator[bytes, None]:
        forgotten = self._history.forgotten
        yield (",".join(_HEAD) + "\r\n").encode()
        first = await self._do(kept.first)
        end = self._clock.wall() + _DAY_S
        start = end if first is None else max(first, end - _CSV_DAYS * _DAY_S)
        while start < end:
            rows = await self._do(_between(kept, start, start + _DAY_S))
            if forgotten != self._history.forgotten:
                return
            if rows:
                yield "".join(_line(row) for row in rows).encode()
            start += _DAY_S

    def _readable(self) -> PastDays:
        if self._kept is None:
            raise _NOTHING
        if not self._history.is_open:
            raise _PRIVATE
        wait = self._looks.wait(self._clock.monotonic())
        if wait > 0.0:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many requests; wait a moment", {"Retry-After": "1"})
        self._looks.take()
        return self._kept

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._work, work)
        except StorageError as error:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from None


_NOTHING = Refused(HTTPStatus.NOT_FOUND, "nothing of past days is kept: history.keep_days is 0 in the config")
_PRIVATE = Refused(HTTPStatus.CONFLICT, "privacy is on")


def _between(kept: PastDays, start: float, end: float) -> Callable[[], list[Minute]]:
    return lambda: kept.between(start, end)


def _step(at: int, total: Total) -> dict[str, Any]:
    return {
        "at": at,
        "watched": total.watched / 10,
        "states": [tenths / 10 for tenths in total.states],
        "people": round(mean_people(total.watched, total.people), 2),
        "most": total.most,
    }


def _line(minute: Minute) -> str:
    begin = datetime.fromtimestamp(minute.begin, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields: list[object] = [begin, minute.watched / 10, *(tenths / 10 for tenths in minute.states)]
    fields += _felt(minute.shares)
    fields += [f"{mean_people(minute.watched, minute.people):.2f}", minute.most]
    return ",".join(str(field) for field in fields) + "\r\n"


def _felt(shares: tuple[int, ...] | None) -> Sequence[object]:
    if shares is None:
        return [""] * (len(LABELS) + 2)
    return [*(share / 1000 for share in shares), *(f"{value:.3f}" for value in valence_arousal(shares))]
