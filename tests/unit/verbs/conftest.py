"""Verbs run in this process, in an empty folder."""

import pytest

from limr.__main__ import main


@pytest.fixture
def limr(capsys, tmp_path, monkeypatch):
    """Run the command line; its exit status, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        try:
            status = main([*args])
        except SystemExit as exit:
            status = exit.code
        return status, *capsys.readouterr()

    return call
