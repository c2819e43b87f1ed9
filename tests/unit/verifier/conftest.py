from pathlib import Path

import pytest


@pytest.fixture
def importable_toys(monkeypatch):
    """Verifier workers can import `verifier_toys`."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
