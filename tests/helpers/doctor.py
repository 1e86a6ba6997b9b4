"""What the doctor looks at."""

from __future__ import annotations

from collections.abc import Callable

from edge.doctor.findings import Subject

MakeSubject = Callable[..., Subject]  # the fixture `subject`
