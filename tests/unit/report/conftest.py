"""The toy runs, compared."""

import pytest

from limr.report.comparison import compare
from limr.report.folder_runs import read_folder_runs


@pytest.fixture(scope="session")
def comparison(run_folders):
    """Two arms with the same two seeds."""
    return compare(read_folder_runs(run_folders), baseline="full", match="steps")
