"""The study as jobs: which command makes what, from what, in which order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.study.settings import BASE_MEAN_BAND, EMBEDDED, EXPERIMENTS, PASS_RATE, Settings

Kind = Literal["base", "train", "select"]

MAIN = "none"
"""The tag `ablation` of runs on the study's own mix of problems."""
TUNING = "tuning"
"""Of FULL's runs by which the learning rate was chosen."""

KEY = ("base", "ablation", "arm", "seed")
"""What tells a run or a selection from all others."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Where in the study a run or a selection stands."""

    base: str
    ablation: str
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """Also the folder's, under `runs` or `selections`."""
        parts = [self.base, *([self.ablation] if self.ablation != MAIN else [])]
        return "/".join([*parts, f"{self.arm}-seed{self.seed}"])


@dataclass(frozen=True, kw_only=True)
class Job:
    """One command."""

    name: str
    kind: Kind
    command: tuple[str, ...]
    """A module, to run as `python -m` does, and its arguments."""
    needs: tuple[str, ...] = ()
    """Jobs that come first."""
    fresh: tuple[Path, ...] = ()
    """What a command that was interrupted leaves behind and would refuse to find."""
    cell: Cell | None = None
    """None for a base."""


def early_arm(epochs: int) -> str:
    """The arm that trains on LIM's choice from the first epochs of FULL alone.

    >>> early_arm(2)
    'lim-2-epochs'
    """
    return f"lim-{epochs}-epoch{'s' if epochs > 1 else ''}"


def early_arms(settings: Settings) -> list[str]:
    """One for each number of epochs short of all."""
    return [early_arm(epochs) for epochs in range(1, settings.epochs)]


def tuning_arm(actor_lr: str) -> str:
    """FULL with this learning rate.

    >>> tuning_arm("2e-4")
    'full-lr-2e-4'
    """
    return f"full-lr-{actor_lr}"


def tuning_cells(settings: Settings) -> list[Cell]:
    """FULL's runs on problems of their own, to choose the learning rate."""
    base = next(iter(settings.bases))
    return [
        Cell(base=base, ablation=TUNING, arm=tuning_arm(rate), seed=seed)
        for rate in settings.actor_lrs
        for seed in settings.tuning_seeds
    ]


def arms(settings: Settings) -> list[str]:
    """The arms of every base on the study's own mix of problems."""
    return ["full", *settings.methods, BASE_MEAN_BAND, *early_arms(settings), "online"]


def make_plan(settings: Settings) -> list[Job]:
    """Every job, each behind those it needs; what the main question needs comes first.

    Seeds of the first base are 1, 2, ..., of the second 11, 12, ...: no two runs of an arm share a
    seed, so that `limr compare` takes all bases' runs of an arm as its repetitions.
    """
    jobs = [
        _warm_start(settings, base) for base, seed in settings.bases.items() if seed is not None
    ]
    jobs += [_training(settings, cell, selected=False) for cell in tuning_cells(settings)]
    main = [
        (base, 10 * place + seed)
        for seed in range(1, settings.seeds + 1)
        for place, base in enumerate(settings.bases)
    ]
    for base, seed in main:
        jobs += _seed(settings, base, MAIN, seed, arms(settings))
    first = next(iter(settings.bases))
    for ablation in settings.ablations:
        for seed in range(1, settings.seeds + 1):
            jobs += _seed(settings, first, ablation, seed, settings.ablation_arms)
    return jobs


def _seed(
    settings: Settings, base: str, ablation: str, seed: int, named: Sequence[str]
) -> Iterator[Job]:
    """The selections and runs of these arms."""
    for arm in named:
        cell = Cell(base=base, ablation=ablation, arm=arm, seed=seed)
        selected = arm not in ("full", "online")
        if arm == BASE_MEAN_BAND and PASS_RATE not in named:
            yield _selection(settings, sampled_by(cell))
        if selected:
            yield _selection(settings, cell)
        yield _training(settings, cell, selected=selected)


def model_of(settings: Settings, base: str) -> str:
    """What a run file calls the base model."""
    return EMBEDDED if settings.bases[base] is None else str(_base_folder(settings, base) / "model")


def run_folder(settings: Settings, cell: Cell) -> Path:
    """Of a training run."""
    return settings.root / "runs" / cell.name


def selection_file(settings: Settings, cell: Cell) -> Path:
    """The problems that the cell's arm trains on."""
    return settings.root / "selections" / f"{cell.name}.jsonl"


def report_folder(settings: Settings, cell: Cell) -> Path:
    """Of the selection; a sampling pass has its trajectories there."""
    return selection_file(settings, cell).with_suffix("")


def samples_base(cell: Cell) -> bool:
    """Whether its selection reads samples of the base, and no run."""
    return cell.arm in (PASS_RATE, BASE_MEAN_BAND)


def sampled_by(cell: Cell) -> Cell:
    """Where the base's samples were drawn that the cell's selection reads."""
    return replace(cell, arm=PASS_RATE)


def full_of(cell: Cell) -> Cell:
    """FULL's run that a selection is made from."""
    return Cell(base=cell.base, ablation=cell.ablation, arm="full", seed=cell.seed)


def problems_file(settings: Settings, cell: Cell) -> Path:
    """FULL's problems, with family and level."""
    return run_folder(settings, full_of(cell)) / "trajectories" / "_problems.jsonl"


def _limr(*args: str) -> tuple[str, ...]:
    return ("limr", *args)


def _base_folder(settings: Settings, base: str) -> Path:
    return settings.root / "bases" / base


def _warm_start(settings: Settings, base: str) -> Job:
    seed = str(settings.bases[base])
    return Job(
        name=f"base {base}",
        kind="base",
        command=_limr(
            *("fit", "--config", "experiments/tiny_base.yaml"),
            *("--seed_everything", seed, "--data.init_args.seed", seed),
            *("--trainer.default_root_dir", str(_base_folder(settings, base))),
            *settings.base_flags,
        ),
    )


def _base_needed(settings: Settings, base: str) -> tuple[str, ...]:
    return () if settings.bases[base] is None else (f"base {base}",)


def _training(settings: Settings, cell: Cell, *, selected: bool) -> Job:
    files = [EXPERIMENTS / "full.yaml"]
    if cell.ablation not in (MAIN, TUNING):
        files.append(EXPERIMENTS / f"{cell.ablation}.yaml")
    flags = [
        *("--seed_everything", str(cell.seed)),
        *("--data.init_args.problems.init_args.seed", str(cell.seed)),
        *("--model.init_args.pretrained.name", model_of(settings, cell.base)),
        *("--trainer.default_root_dir", str(run_folder(settings, cell))),
        *_logging(settings, cell),
        *("--ckpt_path", "last"),
    ]
    if cell.ablation == TUNING:
        flags += ["--model.init_args.ppo.actor_lr", cell.arm.removeprefix(tuning_arm(""))]
    needs = _base_needed(settings, cell.base)
    if selected:
        files.append(EXPERIMENTS / "selected.yaml")
        flags += ["--data.init_args.ids_file", str(selection_file(settings, cell))]
        needs = (f"select {cell.name}",)
    if cell.arm == "online":
        files.append(EXPERIMENTS / "online.yaml")
        flags += ["--data.init_args.resampling.init_args.top_k", str(settings.top_k)]
    configs = [arg for file in (*files, *settings.overlays) for arg in ("--config", str(file))]
    return Job(
        name=f"train {cell.name}",
        kind="train",
        command=_limr("fit", *configs, *flags),
        needs=needs,
        cell=cell,
    )


def _logging(settings: Settings, cell: Cell) -> Iterator[str]:
    tags = {
        "arm": cell.arm,
        "method": _method(cell.arm),
        "base": cell.base,
        "ablation": cell.ablation,
    }
    values = {
        "run_name": cell.name,
        "tracking_uri": settings.database,
        "artifact_location": str((settings.root / "mlruns").resolve()),
        "outbox": str(settings.root / "mlflow-outbox"),
        "tags": json.dumps(tags),
    }
    for name, value in values.items():
        yield from (f"--trainer.logger.init_args.{name}", value)


def _method(arm: str) -> str:
    known = {"full": "all", "online": "lim", BASE_MEAN_BAND: "mean_band"}
    return known.get(arm.split("-")[0], arm.split("-")[0])


def _selection(settings: Settings, cell: Cell) -> Job:
    output, report = selection_file(settings, cell), report_folder(settings, cell)
    flags = ["--method", _method(cell.arm)]
    needs = [f"train {full_of(cell).name}"]
    if cell.arm == PASS_RATE:
        flags += ["--model", model_of(settings, cell.base), "--samples", str(settings.samples)]
        flags += ["--max_response_tokens", "32", "--seed", str(cell.seed)]
    else:
        store = run_folder(settings, full_of(cell))
        if samples_base(cell):
            store = report_folder(settings, sampled_by(cell))
            needs.append(f"select {sampled_by(cell).name}")
        flags += ["--trajectories", str(store / "trajectories")]
    if cell.arm == "random":
        flags += ["--method.seed", str(cell.seed)]
    if cell.arm.startswith("lim-"):
        flags += ["--epochs", cell.arm.split("-")[1]]
    return Job(
        name=f"select {cell.name}",
        kind="select",
        command=_limr(
            *("select", *flags, "--top_k", str(settings.top_k)),
            *("--problems", str(problems_file(settings, cell))),
            *("--columns.family", "family", "--columns.level", "level"),
            *("--output", str(output), "--report", str(report)),
            *("--experiment", "study", "--tracking_uri", settings.database),
        ),
        needs=tuple(needs),
        fresh=(report,),
        cell=cell,
    )
