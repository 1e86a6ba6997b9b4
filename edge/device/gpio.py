"""Light and button for the people in the room, where the config names pins. Does nothing elsewhere."""

from __future__ import annotations

from typing import Any, Protocol

from edge.errors import ConfigError


class Pins(Protocol):
    """BCM numbers of the pins in use; None: not connected."""

    @property
    def led_pin(self) -> int | None: ...
    @property
    def mute_pin(self) -> int | None: ...


class Gpio:
    """LED lit while camera or microphone may be open; a button to ground toggles privacy."""

    def __init__(self, settings: Pins) -> None:
        self._led: Any = None
        self._button: Any = None
        self._pressed = False
        if settings.led_pin is None and settings.mute_pin is None:
            return
        try:
            from gpiozero import LED, Button
            from gpiozero.exc import GPIOZeroError
        except ImportError:
            raise ConfigError(
                "privacy.led_pin, privacy.mute_pin: need gpiozero: apt install python3-gpiozero, "
                "or pip install 'emotion-edge[pi]'"
            ) from None
        try:
            if settings.led_pin is not None:
                self._led = LED(settings.led_pin)
            if settings.mute_pin is not None:
                self._button = Button(settings.mute_pin, bounce_time=0.05)
                self._button.when_pressed = self._press
        except (GPIOZeroError, OSError) as error:
            raise ConfigError(
                f"privacy.led_pin, privacy.mute_pin: GPIO cannot be used: {error}; is the user in the group gpio?"
            ) from None

    def light(self, on: bool) -> None:
        """Show whether we look and listen."""
        if self._led is not None:
            self._led.value = on

    def mute_pressed(self) -> bool:
        """Whether the button was pressed since the last call."""
        pressed, self._pressed = self._pressed, False
        return pressed

    def close(self) -> None:
        """Leave the pins as they were."""
        for part in (self._led, self._button):
            if part is not None:
                part.close()

    def _press(self) -> None:
        self._pressed = True
