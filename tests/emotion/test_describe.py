"""What readings and states say of themselves."""

import pytest

from edge.emotion.describe import uncertainty
from edge.emotion.evidence import NONE
from edge.emotion.fusion import Said, fuse
from edge.messages.payloads import Reason
from edge.readings import FaceQuality, FaceReading

EVEN = (1 / 7,) * 7


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        (FaceQuality(size=0.2), "face too small"),
        (FaceQuality(light=0.2), "too dark"),
        (FaceQuality(cover=0.2), "face covered"),
        (FaceQuality(light=0.2, cover=0.2), "too dark"),
        (FaceQuality(), "no clear winner"),
    ],
)
def test_a_face_that_is_hard_to_read_is_given_as_the_reason(detail: FaceQuality, reason: Reason) -> None:
    face = FaceReading(0.0, 1, EVEN, 0.2, 60.0, detail=detail)
    reading = fuse([(Said("face", NONE, 0.2, 0.0), 0.1)], NONE, 0.0, 1)
    assert uncertainty(reading, face) == reason
