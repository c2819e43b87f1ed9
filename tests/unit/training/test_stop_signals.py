import os
import signal
import threading

import pytest

from limr.training.stop_signals import StopSignals


@pytest.fixture
def earlier():
    """What SIGUSR1 did before, as SLURM's requeueing does: the numbers it was called with."""
    calls = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: calls.append(number))
    yield calls
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_noted_and_nothing_else(number, earlier):
    signals = StopSignals()
    signals.listen()
    assert signals.received is None
    os.kill(os.getpid(), number)
    signals.leave()
    assert signals.received is number
    assert earlier == []


def test_who_handled_it_before_is_called_when_it_is_passed_on(earlier):
    signals = StopSignals()
    signals.listen()
    signals.pass_on(signal.SIGTERM)
    assert earlier == []
    signals.pass_on(signal.SIGUSR1)  # also where only another rank got it
    signals.leave()
    assert earlier == [signal.SIGUSR1]
    os.kill(os.getpid(), signal.SIGUSR1)
    assert earlier == [signal.SIGUSR1] * 2


def test_another_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=StopSignals().listen)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
