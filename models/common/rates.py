"""How fast a network learns when."""

from __future__ import annotations

from math import cos, pi


def slope(step: int, steps: int) -> float:
    """The learning rate as a share of the highest: a short rise, then half a cosine down to nothing.

    Every further round of so many steps begins anew from half the height.
    """
    before, step = divmod(step, steps)
    rise = max(1, steps // 25)
    if step < rise:
        return float(0.5**before * (step + 1) / rise)
    return float(0.5**before * 0.5 * (1 + cos(pi * (step - rise) / max(1, steps - rise))))
