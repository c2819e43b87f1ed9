"""Folders with one file per rollout step, whose rows know their prompt but neither id nor epoch."""

import logging
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from fsspec.core import url_to_fs

from limr.tables import BadRowError, Columns, prompt_id, read_problem_rows
from limr.trajectories.importers.responses import (
    UNKNOWN,
    Grading,
    ImportedResponse,
    Step,
    parsed_rows,
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """How steps become epochs, prompts problems, and rewards statuses."""

    steps_per_epoch: int | None = None
    """Epoch k holds the steps k * steps_per_epoch + 1 and following, as many (LIMR: 8). None counts
    a problem's visits: its epoch is the number of earlier steps it was in."""
    problems: str | None = None
    """The problem file, to find ids by prompt, outer white space ignored; of several problems with
    the same prompt the first gets the responses. None derives ids from the prompts (16 hex digits
    of the text's sha256)."""
    columns: Columns = Columns()  # noqa: RUF009 - frozen
    """Which columns of the problem file hold ids and prompts."""
    prompt_pattern: str | None = None
    """A regular expression whose only group is the problem's text within a dump's prompt, such as
    '(?s)user\\n(.*)\\nassistant' where the chat template was dumped, too."""
    unknown_prompts: Literal["error", "skip"] = "error"
    """What to do about prompts that the problem file lacks: refuse the dump or pass over them."""
    grading: Grading = Grading()  # noqa: RUF009 - frozen
    """What a reward says."""

    def __post_init__(self) -> None:
        if self.steps_per_epoch is not None and self.steps_per_epoch < 1:
            raise ValueError(f"steps_per_epoch must be >= 1, got {self.steps_per_epoch}")
        if self.prompt_pattern is not None:
            try:
                groups = re.compile(self.prompt_pattern).groups
            except re.error as error:
                raise ValueError(f"prompt_pattern: {error}") from error
            if groups != 1:
                raise ValueError(f"prompt_pattern must have one group, it has {groups}")


class Dumped(NamedTuple):
    """What a dump's row tells."""

    prompt: str
    score: float
    response: str
    response_length: int = UNKNOWN


@dataclass(frozen=True)
class StepFormat:
    """One tool's dumps."""

    file_name: str
    """A regular expression for the files' names; its only group is the step, from 1."""
    parse: Callable[[Any], Dumped]
    """Reads a row or raises a BadRowError."""
    repeats: bool = False
    """Whether the tool dumps a rollout again for each update that it makes of it."""


def read_steps(path: str, form: StepFormat, options: StepOptions) -> Iterator[Step]:
    """The steps of a folder, in order, one file in memory at a time.

    Args:
        path: The folder, a local path or an fsspec URL.
        form: Whose dumps they are.
        options: How to read them.

    Raises:
        ValueError: If there are none, or naming the file and the row that is malformed.
    """
    files = step_files(path, form.file_name)
    reader = _Reader(form, options)
    for step, file in files.items():
        rows = list(parsed_rows(file, reader.parse))
        if rows and form.repeats and rows == reader.before:
            _logger.warning("%s: the same responses as in the step before, passed over", file)
            continue
        reader.before = rows
        yield step, reader.with_epochs(step, rows)
    reader.warn(path)


def step_files(path: str, file_name: str) -> dict[int, str]:
    """The files of a folder by step, in order; warns of steps that are missing in between.

    Raises:
        ValueError: If there are none, or two of one step.
    """
    filesystem, root = url_to_fs(path)
    try:
        listed = filesystem.ls(root, detail=False)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ValueError(f"--input {path}: no such folder") from error
    found: dict[int, str] = {}
    for name in sorted(listed):
        if match := re.fullmatch(file_name, posixpath.basename(name)):
            step = int(match[1])
            if step in found:
                raise ValueError(f"{name} and {found[step]} are the same step")
            found[step] = str(filesystem.unstrip_protocol(name)).removeprefix("file://")
    if not found:
        raise ValueError(f"--input {path} holds no dumps (no file named {file_name})")
    if missing := sorted({*range(min(found), max(found))} - {*found}):
        _logger.warning(
            "%s: %d step(s) are missing (%s ...), so the problems in them count as not seen",
            *(path, len(missing), missing[0]),
        )
    return dict(sorted(found.items()))


@dataclass
class _Reader:
    """Turns rows into responses and remembers what was seen."""

    form: StepFormat
    options: StepOptions
    before: list[ImportedResponse] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._visits: Counter[str] = Counter()
        self._skipped = 0
        self._ids: dict[str, str] | None = None
        if self.options.problems is not None:
            self._ids = {}
            for problem in read_problem_rows(self.options.problems, self.options.columns):
                self._ids.setdefault(problem.prompt.strip(), problem.id)

    def parse(self, row: Any) -> ImportedResponse:
        dumped = self.form.parse(row)
        return ImportedResponse(
            problem_id=self._problem_id(dumped.prompt),
            epoch=0,
            score=dumped.score,
            status=self.options.grading.status(dumped.score),
            response_length=dumped.response_length,
            response=dumped.response,
        )

    def _problem_id(self, prompt: str) -> str:
        if self.options.prompt_pattern is not None:
            match = re.search(self.options.prompt_pattern, prompt)
            if match is None:
                raise BadRowError(f"prompt_pattern does not match the prompt {prompt[:80]!r}")
            prompt = match[1]
        if self._ids is None:
            return prompt_id(prompt)
        found = self._ids.get(prompt.strip(), "")
        if not found and self.options.unknown_prompts == "error":
            raise BadRowError(
                f"no problem in {self.options.problems} has the prompt {prompt.strip()[:80]!r}; "
                "set prompt_pattern where the dump has more than the problem's text, or "
                "unknown_prompts: skip"
            )
        return found

    def with_epochs(self, step: int, rows: list[ImportedResponse]) -> list[ImportedResponse]:
        """The rows of known problems with their epochs."""
        known = [row for row in rows if row.problem_id]
        self._skipped += len(rows) - len(known)
        if self.options.steps_per_epoch is not None:
            epoch = (step - 1) // self.options.steps_per_epoch
            return [row._replace(epoch=epoch) for row in known]
        epochs = {row.problem_id: self._visits[row.problem_id] for row in known}
        self._visits.update(epochs.keys())
        return [row._replace(epoch=epochs[row.problem_id]) for row in known]

    def warn(self, path: str) -> None:
        if self._skipped:
            _logger.warning(
                "%s: passed over %d responses to prompts that %s lacks",
                *(path, self._skipped, self.options.problems),
            )
