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
    r"(reward|response|policy|critic|data|time)/[a-z_]*[a-z]"
)  # what ends in "_" begins a longer name


def named_in_code():
    folders = (ROOT / "limr" / "training", ROOT / "limr" / "data")
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = METRIC.fullmatch(node.value)
                if match:
                    yield match.group()


@pytest.mark.parametrize("name", sorted(set(named_in_code())))
def test_metric_is_defined(name):
    documented = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in documented


@pytest.mark.parametrize("owner", ["policy", "critic"])
@pytest.mark.parametrize("figure", ["grad_norm", "lr"])
def test_metrics_named_after_their_parameter_group_are_defined(owner, figure):
    test_metric_is_defined(f"{owner}/{figure}")


@pytest.mark.parametrize("share", [*get_args(Status), *(f"malformed_{name}" for name in MALFORMED)])
def test_metrics_named_after_statuses_and_reasons_are_defined(share):
    test_metric_is_defined(f"reward/{share}")
