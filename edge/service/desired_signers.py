"""Whose signature a fleet's document needs: with device.signed_desired somebody's in the owner's list, else nobody's.

A signature that comes all the same is checked wherever there is a list, so that an owner sees that signing works before
it is required. What may be asked for does not depend on it: no signature loosens privacy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.errors import SignatureError
from edge.messages.desired import NAMESPACE, Desired
from edge.messages.document import Unreadable
from edge.modelstore.signature import signer
from edge.rate_limit import RateLimit

FILE_NAME = "desired-signers"  # beside the config
CHECKS = (10, 5.0)  # so many signatures at once, then one in so many seconds: each starts two programs
_TIMEOUT_S = 5.0  # the decision loop waits for it


class DesiredSigners:
    """Belongs to the decision loop."""

    def __init__(self, file: Path, monotonic: Callable[[], float], *, required: bool) -> None:
        self.required = required
        self._file = file
        self._monotonic = monotonic
        self._checks = RateLimit(*CHECKS, monotonic())

    def check(self, document: Desired, content: bytes, signature: bytes | None) -> bool:
        """Whether a signature vouches for it; Unreadable if one should and does not."""
        if signature is None:
            if self.required:
                raise Unreadable(
                    "the document is not signed, and this device takes signed ones alone (device.signed_desired)",
                    document.version,
                )
            return False
        if not (self.required or self._file.exists()):
            return False  # as trusted as one without: the broker's access list says who may publish
        if not document.name:
            raise Unreadable('a signed document must say by "name" whom it is for', document.version)
        if self._checks.wait(self._monotonic()) > 0.0:
            raise Unreadable("too many signed documents at once; send it again in a minute", document.version)
        self._checks.take()
        try:
            signer(content, signature, self._file, NAMESPACE, timeout_s=_TIMEOUT_S)
        except SignatureError as error:
            raise Unreadable(f"the document is not applied: {error}", document.version) from None
        return True
