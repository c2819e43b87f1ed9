"""What a set of training problems must satisfy, and messages that name what does not."""

import json
import logging
from collections.abc import Iterable, Sequence

from limr.data.loaders import Prompt, hashed_order
from limr.data.messages import SHOWN
from limr.tables import read_bytes
from limr.types import Problem
from limr.verifier import check_gold

_logger = logging.getLogger(__name__)


def read_ids(path: str) -> list[str]:
    """Ids from a file: one per line, or JSONL with an `id` in each row.

    Raises:
        ValueError: If it cannot be read, a row has no id, or it holds none.
    """
    ids = []
    for number, line in enumerate(read_bytes(path).decode().split("\n"), start=1):
        if line.startswith("{"):
            try:
                ids.append(str(json.loads(line)["id"]))
            except (json.JSONDecodeError, KeyError) as error:
                raise ValueError(f"{path}, line {number}: expected an object with an id") from error
        elif line.strip():
            ids.append(line.strip())
    if not ids:
        raise ValueError(f"{path} holds no ids")
    return ids


def restrict(problems: Sequence[Problem], ids: Sequence[str], where: str) -> list[Problem]:
    """The problems with these ids, in their own order.

    Raises:
        ValueError: Naming `where`, if an id is unknown or none is given.
    """
    wanted = set(ids)
    unknown = sorted(wanted - {problem.id for problem in problems})
    if unknown:
        raise ValueError(
            f"{where}: {len(unknown)} of {len(wanted)} ids are not among the training problems: "
            f"{', '.join(unknown[:SHOWN])}"
        )
    if not wanted:
        raise ValueError(f"{where}: no ids were given, so there would be nothing to train on")
    return [problem for problem in problems if problem.id in wanted]


def ungradable(problems: Iterable[Problem]) -> dict[str, str]:
    """Reasons by id for the problems whose gold answer the verifier cannot read."""
    reasons = ((problem.id, check_gold(problem.answer)) for problem in problems)
    return {identifier: reason for identifier, reason in reasons if reason is not None}


def short_enough(prompts: Sequence[Prompt], limit: int) -> list[Prompt]:
    """Those of at most `limit` tokens; a warning tells how many are dropped.

    Raises:
        ValueError: If none is left.
    """
    short = [prompt for prompt in prompts if len(prompt.ids) <= limit]
    if not short:
        raise ValueError(
            f"no training problem is left with a prompt of at most {limit} tokens; raise "
            "max_prompt_tokens or shorten the template"
        )
    if dropped := len(prompts) - len(short):
        _logger.warning(
            "dropped %d of %d training problems: prompts longer than max_prompt_tokens %d",
            *(dropped, len(prompts), limit),
        )
    return short


def draw(prompts: Sequence[Prompt], number: int, seed: int) -> list[Prompt]:
    """This many of them, uniformly, in their own order; a smaller draw is part of a larger one.

    Raises:
        ValueError: If there are fewer.
    """
    if number > len(prompts):
        raise ValueError(f"num_problems {number} is more than the {len(prompts)} usable problems")
    chosen = {*hashed_order([prompt.problem.id for prompt in prompts], "sample", seed)[:number]}
    return [prompt for prompt in prompts if prompt.problem.id in chosen]
