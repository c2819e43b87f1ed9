"""docs/metrics.md defines every metric that the code names."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from limr.types import Status
from limr.verifier import MALFORMED

ROOT = Path(__file__).parents[2]
METRIC = re.compile(
    r"(reward|response|policy|critic|guard|data|time|progress)/[a-z_]*[a-z]"
)  # what ends in "_" begins a longer name


def named_in_code():
    folders = (ROOT / "limr" / "training", ROOT / "limr" / "data")
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = METRIC.fullmatch(node.value)
                if match:
                    yield match.group()


def named_by_parts():
    """Names that the code puts together: by parameter group, by status and reason."""
    yield from (
        f"{owner}/{figure}" for owner in ("policy", "critic") for figure in ("grad_norm", "lr")
    )
    yield from (f"reward/{status}" for status in get_args(Status))
    yield from (f"reward/malformed_{reason}" for reason in MALFORMED)


@pytest.mark.parametrize("name", sorted({*named_in_code(), *named_by_parts()}))
def test_metric_is_defined(name):
    documented = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in documented
