"""The mean of networks."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch


def averaged(networks: Sequence[Any]) -> Any:
    """One network with the mean of the weights of several that began alike and learned a little differently."""
    mean = deepcopy(networks[0]).eval()
    states = [network.state_dict() for network in networks]
    for name, value in mean.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[name] for state in states]).mean(dim=0))
    return mean
