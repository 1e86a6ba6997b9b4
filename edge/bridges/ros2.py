"""ROS 2: hri_msgs/Expression of ROS4HRI (REP 155), for robots.

The scene is on /emotion_edge/<device>/expression.
"""

from __future__ import annotations

import re
from typing import Any, TypedDict

from edge.errors import MissingPackage
from edge.messages.payloads import Payload, StatePayload
from edge.readings import LABELS

# hri_msgs has names of its own for the same expressions.
EXPRESSIONS = {label: label for label in LABELS} | {"fearful": "scared"}


class Expression(TypedDict):
    """The fields of hri_msgs/msg/Expression, without its header."""

    expression: str
    valence: float
    arousal: float
    confidence: float


def expression(state: StatePayload) -> Expression | None:
    """A state as ROS knows it; None for `uncertain` and `absent`, which have no word there."""
    name = EXPRESSIONS.get(state.label)
    if name is None:
        return None
    return Expression(expression=name, valence=state.valence, arousal=state.arousal, confidence=float(state.confidence))


def name_of(device: str) -> str:
    """The device as a level of a ROS topic: letters, digits and '_', not beginning with a digit."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", device)
    return f"_{name}" if name[:1].isdigit() else name


class Ros2Bridge:
    """A Bridge to a ROS 2 graph; run it in a shell in which ROS and hri_msgs are sourced."""

    def __init__(self, device: str) -> None:
        try:
            import rclpy
            from hri_msgs.msg import Expression as Message
        except ImportError:
            raise MissingPackage(
                "ROS 2 needs rclpy and hri_msgs: apt install ros-$ROS_DISTRO-hri-msgs, then source /opt/ros/*/setup.sh"
            ) from None
        self._rclpy: Any = rclpy
        self._message: Any = Message
        rclpy.init(args=[])
        self._node: Any = rclpy.create_node("emotion_edge")
        topic = f"/emotion_edge/{name_of(device)}/expression"
        self._publisher: Any = self._node.create_publisher(Message, topic, 10)
        self.where = f"ROS 2 topic {topic} (hri_msgs/msg/Expression)"

    def forward(self, topic: str, payload: Payload | str, age_s: float) -> None:
        fields = expression(payload) if topic == "state" and isinstance(payload, StatePayload) else None
        if fields is None:
            return
        message = self._message(**fields)
        message.header.stamp = (self._node.get_clock().now() - self._rclpy.duration.Duration(seconds=age_s)).to_msg()
        self._publisher.publish(message)

    def close(self) -> None:
        self._node.destroy_node()
        self._rclpy.shutdown()
