"""The shape of the network that ships, for both that learn it and convert it: about 58 million multiply-adds a look."""

from __future__ import annotations

SIDE = 56  # of the picture the network sees
STEM = 24  # channels of the first convolution

# Per block: channels out, stride. A block that changes neither has a residual.
BLOCKS = ((48, 2), (96, 1), (192, 2), *[(192, 1)] * 3, (384, 2), *[(384, 1)] * 3)


def multiply_adds() -> int:
    """Of one look at one face."""
    side, before = SIDE, STEM
    total = side**2 * 9 * STEM
    for channels, stride in BLOCKS:
        side = -(-side // stride)
        total += side**2 * (9 * before + before * channels)
        before = channels
    return total + before * 7
