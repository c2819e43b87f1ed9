"""Signals by which a machine says that it will take a run's place away, noted instead of obeyed."""

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopSignals:
    """Notes SIGTERM and SIGUSR1, so that a run can finish its step and save first."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def listen(self) -> None:
        """Take the signals over; only a process's main thread can."""
        self.received = None
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}

    def leave(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def pass_on(self, number: int) -> None:
        """Call who handled SIGUSR1 before: under SLURM, Lightning, which requeues the job."""
        handler = self._before.get(signal.SIGUSR1)
        if number == signal.SIGUSR1 and callable(handler):
            handler(number, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
