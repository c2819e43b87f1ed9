"""Benchmarks: what is asked, how it is answered and graded; declared in a run or in files."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from limr.data.checks import ungradable
from limr.data.messages import listing
from limr.data.sources import ProblemSource
from limr.data.templates import PromptTemplate
from limr.mistakes import plain
from limr.types import Sampling
from limr.verifier import GRADING_ONLY, Reward

if TYPE_CHECKING:
    from limr.types import Problem

_logger = logging.getLogger(__name__)

LAST_BOX = replace(GRADING_ONLY, ended=False)
"""What makes an answer readable; also one in a response that was cut behind it."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Problems for validation, and how responses to them are drawn and graded."""

    problems: ProblemSource
    sampling: Sampling
    grader: Reward | None = None
    """None grades the last box (:data:`LAST_BOX`)."""
    template: PromptTemplate | None = None
    """How a question is put to the model; None is the run's own template."""
    version: int = 1
    """Raised when a change of the benchmark makes scores incomparable."""
    size: int | None = None
    """Questions it must have; None does not check."""
    on_bad_gold: Literal["error", "warn"] = "error"
    """Refuse the benchmark, or keep its denominator and warn, when a gold answer does not pass its
    own grader."""


@dataclass(frozen=True, kw_only=True)  # no slots: the command line reads defaults by vars()
class Suite:
    """Benchmarks that files describe, and what a run changes in all of them."""

    names: tuple[str, ...] = ()
    """Names of files in `evaluators/` (`math500`), or paths of YAML files of one's own."""
    preset: str = "paper"
    """Which of the files' presets decides the sampling: `paper`, `avg32`, or one's own."""
    files: str | None = None
    """Folder or fsspec URL that holds the questions, in the files that the YAML names
    (`math500.jsonl`); None takes them from the Hugging Face Hub."""
    max_response_tokens: int | None = None
    """Length limit of responses in place of the files' own."""

    def load(self, names: Sequence[str] | None = None) -> dict[str, Benchmark]:
        """The benchmarks by name, a file's own name without its folder and suffix.

        Args:
            names: In place of the suite's own.

        Raises:
            ValueError: If a file is missing or not what it should be, or two have one name.
        """
        graders: dict[str, Reward | None] = {}
        benchmarks: dict[str, Benchmark] = {}
        for name in self.names if names is None else names:
            path = find_benchmark(name)
            if path.stem in benchmarks:
                raise ValueError(f"benchmark {path.stem!r} is named twice; name it once")
            recipe = read_recipe(path)
            benchmark = build(self._settled(recipe, path), path)
            # benchmarks that grade alike share the grader's worker processes
            settings = json.dumps(recipe.get("grader"), sort_keys=True)
            benchmarks[path.stem] = replace(
                benchmark, grader=graders.setdefault(settings, benchmark.grader)
            )
        return benchmarks

    def _settled(self, recipe: dict[str, Any], path: Path) -> dict[str, Any]:
        """A recipe with its source and its preset chosen: what `Benchmark` takes."""
        settled = {key: value for key, value in recipe.items() if key != "presets"}
        presets = recipe.get("presets", {})
        if self.preset not in presets:
            known = ", ".join(presets) or "none"
            raise ValueError(f"{path} has no preset {self.preset!r}; it has {known}")
        settled["sampling"] = merged(recipe.get("sampling", {}), presets[self.preset])
        if self.max_response_tokens is not None:
            settled["sampling"]["max_response_tokens"] = self.max_response_tokens
        source = recipe.get("problems", {})
        if {"hub", "file"} & {*source}:
            settled["problems"] = self._source(source, path)
        return settled

    def _source(self, source: dict[str, Any], path: Path) -> dict[str, Any]:
        kind = "hub" if self.files is None else "file"
        if kind not in source:
            raise ValueError(f"{path} names no source under problems.{kind}")
        arguments = dict(source[kind])
        if self.files is None:
            return {"class_path": "limr.data.HubProblems", "init_args": arguments}
        arguments["path"] = f"{self.files.rstrip('/')}/{arguments['path']}"
        return {"class_path": "limr.data.FileProblems", "init_args": arguments}


def benchmark_files() -> dict[str, Path]:
    """The shipped benchmarks by name; `base` only lends its settings."""
    spec = importlib.util.find_spec("evaluators")  # found, not imported
    folders = spec.submodule_search_locations if spec else None
    paths = [path for folder in folders or () for path in sorted(Path(folder).glob("*.yaml"))]
    return {path.stem: path for path in paths if path.stem != "base"}


def find_benchmark(name: str) -> Path:
    """A benchmark's file, from its name or path.

    Raises:
        ValueError: If there is none.
    """
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise ValueError(f"no benchmark file {name}")
        return Path(name)
    known = benchmark_files()
    if name not in known:
        raise ValueError(
            f"no benchmark {name!r}; there are {', '.join(known)}, or name a YAML file of your own"
        )
    return known[name]


def read_recipe(path: Path, *, within: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A benchmark's YAML laid over those it includes (`include: FILE`, from its own folder).

    Raises:
        ValueError: If it cannot be read, is no mapping, or includes itself.
    """
    path = path.resolve()
    if path in within:
        chain = " includes ".join(p.name for p in (*within, path))
        raise ValueError(f"{within[0]}: {chain}; a benchmark cannot include itself")
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"benchmark {path} cannot be read: {error}") from error
    if not isinstance(recipe, dict):
        raise ValueError(f"benchmark {path} must be a mapping of keys, got {recipe!r}")
    base = recipe.pop("include", None)
    if base is None:
        return recipe
    return merged(read_recipe(path.parent / base, within=(*within, path)), recipe)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one, nested ones key by key; in doubt `above` counts.

    Example:
        >>> merged({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}})
        {'a': {'x': 1, 'y': 3}, 'b': 1}
    """
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def build(settled: dict[str, Any], path: Path) -> Benchmark:
    """The benchmark that plain settings describe, with the same notation as a run's YAML.

    Raises:
        ValueError: If a key is unknown or a value is not what it should be.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--benchmark", type=Benchmark)
    try:
        parsed = parser.parse_object({"benchmark": settled})
        benchmark: Benchmark = parser.instantiate(parsed).benchmark
    except (ArgumentError, TypeError, ValueError) as error:
        raise ValueError(f"benchmark {path}: {plain(str(error))}") from error
    return benchmark


def check_benchmark(
    name: str, benchmark: Benchmark, problems: Sequence[Problem], grader: Reward
) -> None:
    """Look at a benchmark's questions as they were read; warn of bad golds where it says so.

    Raises:
        ValueError: If it has another number of questions than it should, or gold answers that do
            not pass their own grader.
    """
    if benchmark.size is not None and len(problems) != benchmark.size:
        raise ValueError(
            f"benchmark {name!r} has {len(problems)} questions, expected {benchmark.size}: its "
            "source has changed or is not the one it was written for; correct `problems` or `size`"
        )
    if not (bad := bad_golds(problems, grader)):
        return
    message = (
        f"benchmark {name!r}: {len(bad)} gold answer(s) do not pass their own grader: "
        f"{listing(bad.items())}"
    )
    if benchmark.on_bad_gold == "error":
        raise ValueError(
            f"{message}. Correct them, or set on_bad_gold: warn to keep these questions unsolvable"
        )
    _logger.warning("%s; no response to them can be right", message)


def bad_golds(problems: Sequence[Problem], grader: Reward) -> dict[str, str]:
    """Reasons by id for gold answers that cannot be read, or are not right as a boxed response."""
    golds = [problem.answer for problem in problems]
    boxed = [rf"\boxed{{{gold}}}" for gold in golds]
    verdicts = grader.grade(boxed, golds, [False] * len(golds))
    judged = {
        problem.id: f"{problem.answer!r} is judged {verdict.status}"
        for problem, verdict in zip(problems, verdicts, strict=True)
        if verdict.status != "correct"
    }
    return {**judged, **ungradable(problems)}


def problems_digest(problems: Sequence[Problem]) -> str:
    """A sha256 that names a set of problems: ids, prompts and answers, in any order."""
    rows = sorted([p.id, p.prompt, p.answer] for p in problems)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
