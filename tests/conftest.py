from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from limr.models.tiny import build_tokenizer

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the published data sets in ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level: a text without merges has one token per byte."""
    return build_tokenizer(["What is 1 + 1?"], 262)
