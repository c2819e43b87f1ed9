"""The benchmarks of one run: chosen, read, checked, and made into batches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from limr.data.benchmarks import LAST_BOX, Benchmark, Suite, check_benchmark, problems_digest
from limr.data.loaders import BenchmarkLoader, Prompt, RecordedLoader
from limr.data.messages import SHOWN
from limr.data.templates import PromptTemplate, tokenised
from limr.types import GradedResponses, Problem
from limr.verifier import Reward, RuleReward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class BenchmarkSet(Mapping[str, Benchmark]):
    """Benchmarks by name, in the order in which they are measured."""

    def __init__(self, own: Mapping[str, Benchmark], suite: Suite) -> None:
        """Put a run's own benchmarks and those of its suite together; no question is read yet.

        Raises:
            ValueError: If a name is given twice or cannot be part of a metric's, or a benchmark's
                file is missing or not what it should be.
        """
        self.limit: int | None = None
        """Measure only the first questions of each benchmark; None is all."""
        self.recorded: Callable[[str], GradedResponses | None] | None = None
        """Asked, where set, for a benchmark's responses from an earlier run, in place of new ones;
        on every rank, which gets its share."""
        self._suite = suite
        self._own_grader = RuleReward(checks=LAST_BOX)
        self._prompts: dict[str, list[Prompt]] | None = None
        self._benchmarks = united(own, suite.load())

    def __getitem__(self, name: str) -> Benchmark:
        return self._benchmarks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._benchmarks)

    def __len__(self) -> int:
        return len(self._benchmarks)

    def measure_only(self, names: Sequence[str]) -> None:
        """Measure these, of the run's own benchmarks or of those that files describe.

        Raises:
            ValueError: If there is no such benchmark.
        """
        own = {name: self[name] for name in names if name in self}
        loaded = self._suite.load([name for name in names if name not in own])
        self._benchmarks = united(own, loaded)

    def connect(
        self,
        tokenizer: PreTrainedTokenizerBase,
        template: PromptTemplate,
        *,
        max_prompt_tokens: int,
    ) -> None:
        """Read, check and tokenise the questions, once.

        Args:
            tokenizer: Of the model that will read them.
            template: For benchmarks that name none.
            max_prompt_tokens: A longer prompt is refused: a benchmark must stay whole.

        Raises:
            ValueError: If a benchmark is not usable.
        """
        if self._prompts is not None:
            return
        prompts = {}
        for name, benchmark in self.items():
            problems = benchmark.problems.load()
            check_benchmark(name, benchmark, problems, self._grader(name))
            rows = tokenised(problems[: self.limit], benchmark.template or template, tokenizer)
            long = [prompt.problem.id for prompt in rows if len(prompt.ids) > max_prompt_tokens]
            if long:
                raise ValueError(
                    f"benchmark {name!r}: {len(long)} prompt(s) longer than max_prompt_tokens "
                    f"{max_prompt_tokens} ({', '.join(long[:SHOWN])}); raise the limit"
                )
            prompts[name] = rows
        self._prompts = prompts

    def loaders(
        self, *, batch_size: int, pad_token_id: int, rank: int, world_size: int
    ) -> list[BenchmarkLoader | RecordedLoader]:
        """One loader per benchmark."""

        def loader(name: str) -> BenchmarkLoader | RecordedLoader:
            if self.recorded and (graded := self.recorded(name)) is not None:
                return RecordedLoader(graded)
            return BenchmarkLoader(
                self._connected(name),
                name=name,
                sampling=self[name].sampling,
                grader=self._grader(name),
                pad_token_id=pad_token_id,
                batch_size=batch_size,
                rank=rank,
                world_size=world_size,
            )

        return [loader(name) for name in self]

    def problems(self, name: str) -> list[Problem]:
        """A benchmark's questions, those alone that are measured."""
        return [prompt.problem for prompt in self._connected(name)]

    def facts(self, name: str) -> dict[str, Any]:
        """What decides a benchmark's result beside the model: plain values by name."""
        tokens = json.dumps([prompt.ids for prompt in self._connected(name)])
        return {
            "benchmark": name,
            "version": self[name].version,
            "questions": len(self._connected(name)),
            "digest": problems_digest(self.problems(name)),
            "prompts": hashlib.sha256(tokens.encode()).hexdigest(),
            "sampling": asdict(self[name].sampling),
            "grader": repr(self._grader(name)),
        }

    def _grader(self, name: str) -> Reward:
        return self[name].grader or self._own_grader

    def _connected(self, name: str) -> list[Prompt]:
        assert self._prompts is not None, "connect or setup comes first"
        return self._prompts[name]


def united(own: Mapping[str, Benchmark], loaded: Mapping[str, Benchmark]) -> dict[str, Benchmark]:
    """Two groups of benchmarks as one.

    Raises:
        ValueError: If a name is in both or cannot be part of a metric's.
    """
    for name in own:
        if not name or "/" in name:
            raise ValueError(f"a benchmark's name must not be empty or hold '/', got {name!r}")
        if name in loaded:
            raise ValueError(f"benchmark {name!r} is in benchmarks and in suite.names; rename one")
    return {**own, **loaded}
