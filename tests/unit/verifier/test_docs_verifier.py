"""What docs/verifier.md shows is what happens."""

import doctest
import re
import shlex
from pathlib import Path

from limr.__main__ import main

TEXT = (Path(__file__).parents[3] / "docs" / "verifier.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_python_examples():
    results = [
        doctest.DocTestRunner().run(
            doctest.DocTestParser().get_doctest(block, {}, "docs/verifier.md", None, 0)
        )
        for block in blocks("python")
    ]
    assert sum(result.attempted for result in results) >= 5
    assert [result.failed for result in results] == [0] * len(results)


def test_commands(capsys):
    (block,) = blocks("console")
    commands = re.findall(r"^\$ limr (.*)\n((?:[^$].*\n)*)", block, re.MULTILINE)
    assert len(commands) == 2
    for arguments, shown in commands:
        assert main(shlex.split(arguments)) == 0
        assert capsys.readouterr() == (shown, "")
