"""The callback that turns validation into numbers, tables and a record of every response."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from evaluators.identity import circumstances, gather_objects, key_of, weights_digest
from evaluators.majority import Pair, majority_correct
from evaluators.metrics import BenchmarkMetrics, Summary
from evaluators.responses import (
    Row,
    graded_again,
    question_shares,
    read_responses,
    response_rows,
    responses_path,
    write_responses,
)
from evaluators.tables import (
    Group,
    Table,
    change_table,
    measures_table,
    response_table,
    results_table,
    samples_table,
    write_table,
)
from limr.data.benchmark_set import BenchmarkSet
from limr.report.intervals import Estimate, paired_change
from limr.tracking import RunLogger
from limr.types import GradedResponses
from limr.verifier import VerifierPool

_UNJUDGED = ("timeout", "error", "gold_unparsable")


class Measurement(NamedTuple):
    """What one validation found, by benchmark."""

    step: int
    summaries: dict[str, Summary]
    shares: dict[str, dict[str, float]]
    """Share of correct samples of each problem."""


class Evaluation(Callback):
    """Reports what ``validation_step`` returns (:class:`GradedResponses`) per benchmark.

    Each validation logs ``val/<benchmark>/accuracy`` and its companions, prints a table and keeps
    every response in `dirpath`, and all of it in MLflow. ``limr validate`` reads a benchmark that
    it has measured before, with the same weights, questions and settings, from there.

    With ``num_sanity_val_steps: -1`` the check before the first step becomes the measurement before
    training, logged at step 0, and the fit ends with a table of before and after; a resumed fit
    takes "before" from its checkpoint.

    Args:
        dirpath: Folder of the response files; None is `responses` in the trainer's
            `default_root_dir`.
        seed: Seed of the bootstrap intervals.
        pool: Compares the answers of one question's samples, for maj@n; None is one worker with the
            verifier's default rules.
    """

    def __init__(
        self, dirpath: str | None = None, seed: int = 0, pool: VerifierPool | None = None
    ) -> None:
        self.dirpath = dirpath
        self.seed = seed
        self.pool = pool or VerifierPool()
        self.step = 0
        self.before: Measurement | None = None
        self.latest: Measurement | None = None
        self._graded: list[tuple[GradedResponses, list[float]]] = []
        self._rows: dict[str, list[Row]] = {}
        self._kept: set[str] = set()  # benchmarks whose file an earlier run has written
        self._weights: str | None = None

    def state_dict(self) -> dict[str, Any]:
        """Training steps done and the measurement before training, for a resumed run."""
        state: dict[str, Any] = {"step": self.step}
        if self.before:
            state["summaries"] = {
                name: s._asdict() | {"measures": {k: [*e] for k, e in s.measures.items()}}
                for name, s in self.before.summaries.items()
            }
            state["shares"] = self.before.shares
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.step = state_dict["step"]
        if "summaries" in state_dict:
            summaries = {
                name: Summary(
                    **s | {"measures": {k: Estimate(*e) for k, e in s["measures"].items()}}
                )
                for name, s in state_dict["summaries"].items()
            }
            self.before = Measurement(0, summaries, state_dict["shares"])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let this callback print the table of ``limr validate`` and find earlier results."""
        trainer.validate_loop.verbose = False
        if (benchmarks := benchmarks_of(trainer)) is not None:
            validates = stage == "validate"
            benchmarks.recorded = partial(self._recorded, pl_module) if validates else None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count training steps; ``limr validate`` finds the count in the checkpoint."""
        self.step = trainer.fit_loop.epoch_loop.total_batch_idx + 1

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the responses of an earlier, interrupted validation."""
        self._graded, self._rows = [], {}

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's graded responses; write a benchmark's file when it is complete.

        Raises:
            TypeError: If ``validation_step`` returned something else.
        """
        if not isinstance(outputs, GradedResponses):
            raise TypeError(
                f"{type(pl_module).__name__}.validation_step must return GradedResponses, "
                f"got {type(outputs).__name__}"
            )
        self._graded.append((outputs, majority_correct(outputs, self._same)))
        last = batch_idx + 1 == trainer.num_val_batches[dataloader_idx]
        if last and is_measurement(trainer):
            self._complete(outputs.benchmark, trainer, pl_module)

    def _complete(self, name: str, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather a benchmark's rows, of every rank; the first one writes and uploads them."""
        here = [graded for graded, _ in self._graded if graded.benchmark == name]
        rows = [row for graded in here for row in response_rows(graded, step=self.step)]
        self._rows[name] = rows = in_order(gather_objects(rows))
        facts = self._facts(name, pl_module)
        path = self._path(name, facts, trainer)
        if trainer.is_global_zero:
            if name not in self._kept:
                write_responses(rows, path, facts)
            upload(trainer, path, "responses")
            self._write_table(response_table(rows), path.stem, trainer)

    def _write_table(self, table: Table, name: str, trainer: Trainer) -> None:
        path = self._folder(trainer) / "_tables" / f"{name}.json"
        write_table(table, path)
        upload(trainer, path, "evaluation", table=True)

    def _folder(self, trainer: Trainer) -> Path:
        return Path(self.dirpath or Path(trainer.default_root_dir) / "responses")

    def _facts(self, name: str, pl_module: LightningModule) -> dict[str, Any]:
        """What decides a benchmark's result; in ``limr validate`` with a key of all of it."""
        benchmarks = benchmarks_of(pl_module.trainer)
        if benchmarks is None:
            return {}
        facts = {**benchmarks.facts(name), **circumstances(pl_module)}
        if pl_module.trainer.state.fn != TrainerFn.VALIDATING:
            return facts
        if self._weights is None:
            self._weights = weights_digest(pl_module)
        facts["weights"] = self._weights
        return {**facts, "key": key_of(facts)}

    def _path(self, name: str, facts: dict[str, Any], trainer: Trainer) -> Path:
        return responses_path(
            self._folder(trainer),
            verb=verb_of(trainer),
            benchmark=name,
            step=self.step,
            mark=facts.get("key", "")[:8],
        )

    def _recorded(self, pl_module: LightningModule, name: str) -> GradedResponses | None:
        """A benchmark's responses from an earlier ``limr validate`` of just this, the first rank's.

        A benchmark that was not finished has no file.
        """
        facts = self._facts(name, pl_module)
        path = self._path(name, facts, pl_module.trainer)
        samples = facts["sampling"]["samples_per_prompt"]
        rows: list[Row] = []
        if pl_module.trainer.is_global_zero and path.exists():
            found, of = read_responses(path)
            if of == facts and len(found) == facts["questions"] * samples:
                rows = found
        if not gather_objects(bool(rows))[0]:
            return None
        self._kept.add(name)
        pl_module.print(f"{name} was measured before: {path} (remove it to measure again)")
        return graded_again(rows, benchmark=name, samples_per_prompt=samples)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Summarise, log, print and write; every rank takes part, the first one speaks."""
        if not is_measurement(trainer):
            return
        verb = verb_of(trainer)
        summaries = self._summarise(pl_module.device, by_group=verb == "validate")
        overall = {group.benchmark: s for group, s in summaries.items() if not group.kind}
        metrics = {
            f"val/{benchmark}/{name}": value
            for benchmark, summary in overall.items()
            for name, value in logged(summary).items()
        }
        pl_module.log_dict(metrics, logger=False, sync_dist=True)  # for checkpoints to monitor
        # The trainer logs nothing while sanity checking, at step 0 in `validate`, and in between at
        # the index of the last batch: one less than the number of updates the policy has had.
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step=self.step)
        shares = {name: question_shares(rows) for name, rows in self._rows.items()}
        self.latest = Measurement(self.step, overall, shares)
        if trainer.sanity_checking and self.step == 0:
            self.before = self.latest
        pl_module.print(f"\nvalidation at step {self.step}\n{results_table(summaries)}")
        rows = [row for some in self._rows.values() for row in some]
        for remark in (samples_table(summaries), describe_unjudged(rows)):
            if remark:
                pl_module.print(remark)
        if trainer.is_global_zero:
            self._write_table(measures_table(overall), f"{verb}-step{self.step:06d}", trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print what training changed, where there is a measurement from before it."""
        before, after = self.before, self.latest
        if before is None or after is None or after.step == 0:
            return
        changes = {
            name: paired_change(before.shares[name], after.shares[name], seed=self.seed)
            for name in before.shares.keys() & after.shares.keys()
        }
        table = change_table(before.summaries, after.summaries, changes, last=after.step)
        pl_module.print(f"\nbefore and after training\n{table}")

    def _same(self, pairs: list[Pair]) -> list[bool]:
        verdicts = self.pool.map(pairs, kinds=["answer"] * len(pairs))
        return [verdict.status == "correct" for verdict in verdicts]

    def _summarise(self, device: torch.device, *, by_group: bool) -> dict[Group, Summary]:
        here = {
            group for graded, _ in self._graded for group in groups_of(graded, by_group=by_group)
        }
        # computing a metric is a collective call: every rank must make all of them in one order
        groups = sorted({group for part in gather_objects(here) for group in part})
        summaries = {}
        for group in groups:
            metric = BenchmarkMetrics(seed=self.seed).to(device)
            metric.update(_NOTHING, [])  # a rank without responses of this group takes part too
            for graded, majority in self._graded:
                if graded.benchmark == group.benchmark:
                    metric.update(graded, majority, keep=members(graded, group))
            summaries[group] = metric.compute()
        return summaries


def logged(summary: Summary) -> dict[str, float]:
    """Every measure by name; those of correctness with the ends of their intervals.

    Example:
        >>> logged(Summary(1, 1, {"accuracy": Estimate(0.5, 0.25, 0.75)}))
        {'accuracy': 0.5, 'accuracy_low': 0.25, 'accuracy_high': 0.75}
    """
    metrics = {}
    for name, estimate in summary.measures.items():
        metrics[name] = estimate.value
        if name == "accuracy" or "_at_" in name:
            metrics |= {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return metrics


_NOTHING = GradedResponses(
    problems=(), responses=(), verdicts=(), lengths=(), truncated=(), samples_per_prompt=1
)


def groups_of(graded: GradedResponses, *, by_group: bool) -> set[Group]:
    """The table rows a batch contributes to; families and levels only with `by_group`."""
    groups = {Group(graded.benchmark)}
    if by_group:
        for problem in graded.problems:
            groups.add(Group(graded.benchmark, "family", problem.family))
            groups.add(Group(graded.benchmark, "level", problem.level))
    return {group for group in groups if group.name or not group.kind}


def members(graded: GradedResponses, group: Group) -> list[bool]:
    """Which responses of a batch of the group's benchmark belong to the group."""
    if not group.kind:
        return [True] * len(graded.problems)
    return [getattr(problem, group.kind) == group.name for problem in graded.problems]


def describe_unjudged(rows: list[Row]) -> str:
    """One line on responses the verifier could not judge, empty when there is none."""
    counts = Counter(row["status"] for row in rows if row["status"] in _UNJUDGED)
    if not counts:
        return ""
    kinds = ", ".join(f"{status} {count}" for status, count in sorted(counts.items()))
    return f"{counts.total()} of {len(rows)} responses could not be judged ({kinds}): not correct"


def in_order(parts: list[list[Row]]) -> list[Row]:
    """All ranks' rows in the benchmark's order, whose questions are dealt out one by one."""
    placed = []
    for rank, rows in enumerate(parts):
        question = -1
        for row in rows:
            question += row["sample"] == 0
            placed.append(((question, rank, row["sample"]), row))
    return [row for _, row in sorted(placed, key=lambda item: item[0])]


def is_measurement(trainer: Trainer) -> bool:
    """Whether whole benchmarks are validated; a few batches only prove that the code runs."""
    return not trainer.sanity_checking or trainer.num_sanity_val_steps == float("inf")


def verb_of(trainer: Trainer) -> str:
    """What the trainer is about: fit or validate."""
    return str(trainer.state.fn.value) if trainer.state.fn else "validate"


def benchmarks_of(trainer: Trainer) -> BenchmarkSet | None:
    """The data module's benchmarks, None where it has none that can be told apart."""
    benchmarks = getattr(getattr(trainer, "datamodule", None), "benchmarks", None)
    return benchmarks if isinstance(benchmarks, BenchmarkSet) else None


def upload(trainer: Trainer, path: Path, folder: str, *, table: bool = False) -> None:
    """Give a file to every logger that keeps files."""
    for logger in trainer.loggers:
        if isinstance(logger, RunLogger):
            logger.log_file(path, folder, table=table)
