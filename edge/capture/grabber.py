"""A thread that owns a device which may block for ever, so that whoever reads it never does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from edge.capture.base import NothingYet
from edge.errors import CaptureError, EdgeError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OPEN_S = 15.0  # a network camera may take long to answer
READ_S = 0.5
PATIENCE_S = 0.2
CLOSE_S = 1.1  # with the patience, leaves pause() and stop() within their two seconds


class OpenDevice(Protocol[T_co]):
    """An open device, used by one thread only."""

    def grab(self) -> T_co | None:
        """The next picture; None if there is none this time. CaptureError if the device failed."""
        ...

    def release(self) -> None:
        """Let the device go."""
        ...


class Grabber(Generic[T]):
    """Connects, grabs and releases in its own thread, and holds the newest picture until it is asked for."""

    def __init__(
        self, name: str, connect: Callable[[], OpenDevice[T]], hang_up: Callable[[], None] | None = None
    ) -> None:
        self._name = name
        self._connect = connect
        self._hang_up = hang_up  # makes a blocked device give up
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._open = False
        self._closing = False
        self._newest: T | None = None
        self._failure: EdgeError | None = None

    def open(self) -> None:
        """Returns when the device is connected; raises what prevents it."""
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="grabber", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._failure or self._closing, OPEN_S)
            if self._failure:
                raise self._failure
            if self._closing:
                raise CaptureError(f"{self._name}: closed while it was being opened")
            if not self._open:
                raise CaptureError(f"{self._name} did not answer within {OPEN_S:g} s")

    def read(self) -> T:
        """The newest picture that was not read yet."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._newest is not None or self._failure or self._closing, READ_S):
                raise NothingYet(f"{self._name}: no frame yet")
            if self._newest is None:
                raise self._failure or CaptureError(f"{self._name} is closed")
            newest, self._newest = self._newest, None
            return newest

    def close(self) -> None:
        """Have the device released and wait for it."""
        with self._changed:
            self._closing = True
            self._newest = None
            self._changed.notify_all()
            thread = self._thread
        if thread is None:
            return
        if self._hang_up is not None:
            thread.join(PATIENCE_S)
            if thread.is_alive():
                self._hang_up()
        thread.join(CLOSE_S)
        if thread.is_alive():
            raise CaptureError(f"{self._name}: the driver does not respond; the device could not be closed")

    def _run(self) -> None:
        try:
            device = self._connect()
        except EdgeError as error:
            self._fail(error)
            return
        except Exception as error:  # noqa: BLE001 - drivers throw what they like; it ends here, in words
            self._fail(CaptureError(f"{self._name} cannot be opened: {error}"))
            return
        try:
            with self._changed:
                self._open = True
                self._changed.notify_all()
            while not self._closing:
                item = device.grab()
                if item is not None:
                    with self._changed:
                        if not self._closing:
                            self._newest = item
                            self._changed.notify_all()
        except EdgeError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(CaptureError(f"{self._name} failed: {error}"))
        finally:
            device.release()

    def _fail(self, error: EdgeError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()
