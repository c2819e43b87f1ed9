"""Made-up results of a small study, as the CSV files that a real one commits."""

from pathlib import Path

from benchmarks.study import guesses, mixed
from benchmarks.study.plan import KEY, MAIN, arms, tuning_cells
from benchmarks.study.results import (
    GUESSES_FILE,
    INTERVAL_COLUMNS,
    INTERVALS_FILE,
    MIXED_FILE,
    RUN_COLUMNS,
    RUNS_FILE,
    SCOPE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTIONS_FILE,
    scopes,
    write_csv,
)
from benchmarks.study.settings import Settings
from limr.report.comparison import AVERAGE

TOY = Settings(
    root=Path("toy"),
    bases={"embedded": None, "second": 1},
    seeds=2,
    epochs=2,
    ablations=("many_solved",),
    ablation_arms=("full", "lim", "mean_band"),
    top_k=4,
)
STEPS = (0, 4, 8)
BENCHMARKS = ("harder", "test", "unseen")
SPEED = {"full": 0.05, "lim": 0.0625, "random": 0.0}
"""Accuracy gained in a step."""
PAID = {"full": 0.0, "random": 0.0, "online": 0.0, "pass_rate": 100.0,
        "base_mean_band": 100.0}  # fmt: skip
"""Responses before the run; all others have paid FULL's 800."""


def write_results(folder: Path, settings: Settings = TOY) -> None:
    """Write the five files."""
    bases = list(settings.bases)
    main = [
        (base, MAIN, arm, 10 * place + seed)
        for place, base in enumerate(bases)
        for seed in range(1, settings.seeds + 1)
        for arm in arms(settings)
    ]
    changed = [
        (bases[0], ablation, arm, seed)
        for ablation in settings.ablations
        for seed in range(1, settings.seeds + 1)
        for arm in settings.ablation_arms
    ]
    write_csv(folder / RUNS_FILE, RUN_COLUMNS, [
        run_row(key, benchmark, step)
        for key in main + changed for benchmark in BENCHMARKS for step in STEPS
    ] + [
        run_row((cell.base, cell.ablation, cell.arm, cell.seed), "val", step)
        for cell in tuning_cells(settings) for step in STEPS
    ])  # fmt: skip
    write_csv(folder / INTERVALS_FILE, INTERVAL_COLUMNS, [
        interval_row(scope, benchmark, arm)
        for scope in scopes(settings)
        for benchmark in (*BENCHMARKS, AVERAGE)
        for arm in arms_of(scope, settings)
    ])  # fmt: skip
    write_csv(folder / SELECTIONS_FILE, SELECTION_COLUMNS, [
        dict(zip(("base", "ablation", "arm", "seed"), key, strict=True))
        | {"family": family, "level": level, "problems": count, "picked": picked,
           "also_lim": picked if key[2] == "lim" or level == "easy" else 0}
        for key in main + changed if key[2] not in ("full", "online")
        for family, level, count, picked in (
            ("chain", "middle", 12, 3 if key[2] == "lim" else key[3] % 2),
            ("chain", "mislabelled", 2, 0 if key[2] == "lim" else 1),
            ("pair", "easy", 10, 1),
        )
    ])  # fmt: skip
    write_csv(folder / MIXED_FILE, mixed.COLUMNS, [
        dict(zip(KEY, key, strict=True))
        | {"first_step": first, "last_step": first + 3, "prompts": 40, "mixed": 10 * key[3] % 40}
        for key in main for first in (1, 5)
    ])  # fmt: skip
    write_csv(folder / GUESSES_FILE, guesses.COLUMNS, [
        dict(zip(KEY, (*key[:2], arm, key[3]), strict=True))
        | {"guesses": count, "picked": key[3] % 10 * (arm == "lim")}
        for key in main if key[2] == "full" for count in (8, 24) for arm in ("lim", "slope")
    ])  # fmt: skip


def arms_of(scope, settings):
    if scope.ablation == MAIN:
        return arms(settings)
    return settings.ablation_arms if scope.ablation in settings.ablations else ()


def run_row(key, benchmark, step):
    base, ablation, arm, seed = key
    paid = PAID.get(arm, 800.0)
    return {
        "base": base, "ablation": ablation, "arm": arm, "seed": seed, "benchmark": benchmark,
        "step": step, "questions": 20,
        "accuracy": 0.2 + SPEED.get(arm, 0.04) * step + 0.01 * (seed % 10),
        "response_length": 5.0 + step, "optimizer_steps": 2 * step, "responses": 100.0 * step,
        "tokens": 1000.0 * step, "visits": step / 4, "selection_responses": paid,
        "selection_tokens": 10 * paid,
    }  # fmt: skip


def interval_row(scope, benchmark, arm):
    accuracy = 0.2 + SPEED.get(arm, 0.04) * 8
    gain = "" if arm == scope.baseline else accuracy - (0.2 + SPEED.get(scope.baseline, 0.04) * 8)
    return {
        **dict(zip(SCOPE_COLUMNS, scope.key, strict=True)),
        "benchmark": benchmark, "arm": arm, "seeds": 2, "first_step": 8, "last_step": 8,
        "accuracy": accuracy, "low": accuracy - 0.05, "high": accuracy + 0.05, "difference": gain,
        "difference_low": gain and gain - 0.03, "difference_high": gain and gain + 0.03,
        "response_length": 13.0, "reached": "8 8",
    }  # fmt: skip
