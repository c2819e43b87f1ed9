"""Grading: is a response well-formed, and is its answer the gold answer?"""

from limr.verifier.checks import (
    GRADING_ONLY,
    MALFORMED,
    Checks,
    count_boxes,
    has_repetition,
    strange_share,
)
from limr.verifier.equivalence import equivalent
from limr.verifier.extract import extract_boxed
from limr.verifier.grading import Kind, Scores, check_gold, verify
from limr.verifier.normalize import normalize
from limr.verifier.original import OriginalReward
from limr.verifier.pool import VerifierPool
from limr.verifier.reward import Reward, RuleReward
from limr.verifier.rules import Rules

__all__ = [
    "GRADING_ONLY",
    "MALFORMED",
    "Checks",
    "Kind",
    "OriginalReward",
    "Reward",
    "RuleReward",
    "Rules",
    "Scores",
    "VerifierPool",
    "check_gold",
    "count_boxes",
    "equivalent",
    "extract_boxed",
    "has_repetition",
    "normalize",
    "strange_share",
    "verify",
]
