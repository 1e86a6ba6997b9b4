from __future__ import annotations

import numpy as np

from edge.readings import SAMPLE_RATE, Frame, Sound
from edge.service.queues import FrameSlot, SoundQueue


def frame(number: int) -> Frame:
    grey = np.zeros((4, 4), np.uint8)
    return Frame(float(number), number, grey, grey)


def sound(second: float, seconds: float = 1.0) -> Sound:
    return Sound(second, np.zeros(round(SAMPLE_RATE * seconds), np.float32))


def test_only_the_newest_frame_is_kept_and_drops_are_counted() -> None:
    slot = FrameSlot()
    for number in range(5):
        slot.put(frame(number))
    taken = slot.take(0.0)
    assert taken is not None
    assert taken.number == 4
    assert slot.dropped == 4
    assert slot.taken == 1
    assert slot.take(0.0) is None


def test_a_cleared_slot_holds_no_picture() -> None:
    slot = FrameSlot()
    slot.put(frame(1))
    slot.clear()
    assert slot.take(0.0) is None


def test_sound_is_bounded_in_seconds_and_comes_in_order() -> None:
    queue = SoundQueue(limit_s=3.0)
    for second in range(10):
        queue.put(sound(second))
    assert queue.dropped_s == 7.0
    times = []
    while (block := queue.take(0.0)) is not None:
        times.append(block.time)
    assert times == [7.0, 8.0, 9.0]
    assert len(queue) == 0


def test_a_single_long_block_is_not_thrown_away() -> None:
    queue = SoundQueue(limit_s=1.0)
    queue.put(sound(0.0, 5.0))
    assert queue.take(0.0) is not None
