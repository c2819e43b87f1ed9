"""What the study varies, how often, and how large: the full one and the short one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

EXPERIMENTS = Path("experiments/study")
EMBEDDED = "embedded:tiny-base"

PASS_RATE = "pass_rate"
METHODS = ("lim", "linear", "mean_band", "variance", PASS_RATE, "random")
"""Of `limr select`; all but pass_rate and random read FULL's trajectories."""
BASE_MEAN_BAND = "base_mean_band"
"""The arm of the mean band of the base's own samples, which `pass_rate` reads, too."""
ABLATIONS = ("many_impossible", "high_lr", "many_mislabelled", "many_solved")
"""Changes of the setting, each a file in experiments/study."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One study."""

    root: Path = Path("runs/study")
    """Where its runs and its MLflow database lie."""
    results: Path = Path("benchmarks/results")
    """Where its tables of raw numbers go."""
    figures: Path = Path("docs/figures")
    bases: Mapping[str, int | None] = field(
        default_factory=lambda: {"embedded": None, "warm-start-1": 1}
    )
    """Base models by name: the seed of its warm start, None for the one that limr ships."""
    base_flags: tuple[str, ...] = ()
    """Further arguments of a warm start."""
    seeds: int = 5
    """Of each base: a seed is one draw of problems, one FULL run, one selection by each method."""
    epochs: int = 3
    """Of FULL: selections are made from them all, and from the first 1, 2, ..."""
    early_step: int = 24
    """Of an early comparison: FULL has seen every problem once."""
    methods: tuple[str, ...] = METHODS
    ablations: tuple[str, ...] = ABLATIONS
    """Of the first base alone, with all its seeds."""
    ablation_arms: tuple[str, ...] = ("full", "lim", "mean_band", BASE_MEAN_BAND)
    actor_lrs: tuple[str, ...] = ("1e-4", "2e-4", "4e-4")
    """Of FULL's tuning runs, before all else; full.yaml has the best by `val`."""
    tuning_seeds: tuple[int, ...] = (101, 102)
    """Of the first base alone; no other run has their problems."""
    top_k: int = 64
    """Problems that each method selects."""
    guesses: tuple[int, ...] = (48, 96, 192)
    """Questions that can only be guessed, set beside FULL's to see how many would be picked."""
    samples: int = 8
    """Responses to each problem in the sampling pass."""
    overlays: tuple[Path, ...] = ()
    """Run files laid over every run, last."""
    cpu_seconds: Mapping[str, float] = field(
        default_factory=lambda: {"base": 560.0, "train": 100.0, "select": 4.0}
    )
    """What a job of each kind takes of one idle core, about."""

    def __post_init__(self) -> None:
        for name, least in (("seeds", 1), ("epochs", 1), ("top_k", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be >= {least}, got {getattr(self, name)}")
        if not self.bases or "lim" not in self.methods or "lim" not in self.ablation_arms:
            raise ValueError("a study needs a base, and lim among its methods and ablation_arms")

    @property
    def database(self) -> str:
        """MLflow's, for all runs."""
        return f"sqlite:///{self.root / 'mlflow.db'}"


FULL_STUDY = Settings()
SMOKE = Settings(
    root=Path("runs/study-smoke"),
    results=Path("runs/study-smoke/results"),
    figures=Path("runs/study-smoke/figures"),
    base_flags=(
        "--data.init_args.stages",
        "[{name: skill, steps: 60, batch_size: 32, learning_rate: 2.0e-3, "
        "worked: 0.5, direct: 0.5, unboxed: 0}]",
    ),
    seeds=1,
    ablations=("many_mislabelled",),
    ablation_arms=("full", "lim"),
    actor_lrs=(),
    early_step=12,
    top_k=8,
    samples=4,
    overlays=(EXPERIMENTS / "smoke.yaml",),
    cpu_seconds={"base": 15.0, "train": 18.0, "select": 8.0},
)
