"""Problems, benchmarks and a template made into the batches that training and validation read."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from lightning.pytorch import LightningDataModule, Trainer

from limr.data.benchmark_set import BenchmarkSet
from limr.data.benchmarks import Benchmark, Suite, problems_digest
from limr.data.checks import draw, read_ids, restrict, short_enough, ungradable
from limr.data.loaders import BenchmarkLoader, Coverage, Prompt, PromptLoader, RecordedLoader
from limr.data.messages import listing
from limr.data.resampling import Resampling
from limr.data.sources import ProblemSource
from limr.data.templates import ChatTemplate, PromptTemplate, tokenised
from limr.seeding import run_seed
from limr.types import Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_logger = logging.getLogger(__name__)


class MathDataModule(LightningDataModule):
    """Training problems and benchmarks, tokenised for whatever model the trainer runs."""

    def __init__(
        self,
        problems: ProblemSource | None = None,
        benchmarks: dict[str, Benchmark] | None = None,
        template: PromptTemplate | None = None,
        rollout_batch_size: int = 32,
        coverage: Coverage = "exact",
        max_prompt_tokens: int = 1024,
        eval_batch_size: int = 64,
        num_problems: int | None = None,
        sample_seed: int = 0,
        ids_file: str | None = None,
        on_bad_gold: Literal["error", "drop"] = "error",
        resampling: Resampling | None = None,
        seed: int | None = None,
        suite: Suite = Suite(),  # noqa: B008 - frozen
    ) -> None:
        """Declare the data; nothing is read before `setup`.

        Args:
            problems: What to train on; `limr validate` needs none.
            benchmarks: What to validate on, by name, beside those of the `suite`. Without any, set
                the trainer's `limit_val_batches: 0`, or Lightning warns that there is nothing to
                validate on.
            template: How a problem is put to the model; None is the tokenizer's chat template.
            rollout_batch_size: Prompts of one training step, over all ranks.
            coverage: `exact` visits each problem once per epoch, the last step perhaps shorter;
                `drop_last` leaves that step out (the paper: about 331 of 8,523 per epoch).
            max_prompt_tokens: Longer training prompts are dropped with a warning (the paper:
                1,024); a benchmark that holds one is refused, for it must stay whole.
            eval_batch_size: Prompts of one validation batch on one rank, before their samples.
            num_problems: Train on this many problems drawn uniformly (the paper's RAND); None
                takes all. A smaller draw with the same seed is part of a larger one.
            sample_seed: Decides that draw.
            ids_file: Train only on the problems named in this file: one id per line, or JSONL
                with an `id` in each row.
            on_bad_gold: Refuse training problems whose gold answer the verifier cannot read, or
                drop them with a warning. Benchmarks only warn, to keep their denominators.
            resampling: Chooses each epoch's problems by what the run has seen of them; None trains
                on all in every epoch.
            seed: Decides the order in each epoch; None is the run's seed.
            suite: Benchmarks that YAML files describe (`evaluators/`), by name.

        Raises:
            ValueError: If a number is below 1, a benchmark's name cannot be part of a metric's, or
                its file is missing or not what it should be.
        """
        super().__init__()
        sizes = {
            "rollout_batch_size": rollout_batch_size,
            "max_prompt_tokens": max_prompt_tokens,
            "eval_batch_size": eval_batch_size,
            "num_problems": 1 if num_problems is None else num_problems,
        }
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        self.benchmarks = BenchmarkSet(benchmarks or {}, suite)
        self.source = problems
        self.template = template or ChatTemplate()
        self.rollout_batch_size = rollout_batch_size
        self.coverage: Coverage = coverage
        self.max_prompt_tokens = max_prompt_tokens
        self.eval_batch_size = eval_batch_size
        self.num_problems = num_problems
        self.sample_seed = sample_seed
        self.ids_file = ids_file
        self.on_bad_gold = on_bad_gold
        self.resampling = resampling
        self.seed = run_seed() if seed is None else seed
        self.problems_available: int | None = None
        """How many to train on there would be but for `ids_file` and `num_problems`; by `setup`."""
        self._prompts: dict[str, Prompt] | None = None
        self._selections: list[tuple[int, list[str]]] = []
        self._loader: PromptLoader | None = None
        self._loader_state: dict[str, Any] | None = None

    def setup(self, stage: str) -> None:
        """Read, check and tokenise what the stage needs, for the trainer's model and ranks."""
        assert self.trainer is not None
        module: Any = self.trainer.lightning_module
        self.connect(module.tokenizer, train=stage == "fit")
        if self.resampling and stage == "fit":
            self.resampling.start(self.trainer, len(self._connected()))
            self._selections = []  # a checkpoint brings its own

    def connect(self, tokenizer: PreTrainedTokenizerBase, *, train: bool = True) -> None:
        """Read, check and tokenise, once; what `setup` does, for use without a trainer.

        Args:
            tokenizer: Of the model that will read the prompts.
            train: Whether the training problems are needed, too.

        Raises:
            ValueError: If problems, benchmarks or `ids_file` are not usable, or the tokenizer has
                no pad token.
        """
        if tokenizer.pad_token_id is None:
            raise ValueError("the tokenizer has no pad token; set tokenizer.pad_token")
        self._pad_token_id: int = tokenizer.pad_token_id
        if train and self._prompts is None:
            self._prompts = {p.problem.id: p for p in self._training_prompts(tokenizer)}
        self.benchmarks.connect(tokenizer, self.template, max_prompt_tokens=self.max_prompt_tokens)

    def _training_prompts(self, tokenizer: PreTrainedTokenizerBase) -> list[Prompt]:
        if self.source is None:
            raise ValueError("data.problems names nothing to train on")
        problems = everything = self.source.load()
        if self.ids_file is not None:
            problems = restrict(problems, read_ids(self.ids_file), f"ids_file {self.ids_file}")
        bad = ungradable(problems)
        if bad and self.on_bad_gold == "error":
            raise ValueError(
                f"{len(bad)} gold answer(s) cannot be graded: {listing(bad.items())}. Correct "
                "them, or set on_bad_gold: drop to train without these problems"
            )
        if bad:
            _logger.warning(
                "dropped %d problem(s) with ungradable golds: %s", len(bad), listing(bad.items())
            )
        prompts = tokenised([p for p in problems if p.id not in bad], self.template, tokenizer)
        short = short_enough(prompts, self.max_prompt_tokens)
        self.problems_available = len(short) + len(everything) - len(problems)
        return (
            short if self.num_problems is None else draw(short, self.num_problems, self.sample_seed)
        )

    def train_dataloader(self) -> PromptLoader:
        """Batches of the training problems, or of those `train_on` or resampling has chosen."""
        trainer = self.trainer
        self._check_selections()
        if self.resampling and trainer:
            self._resample(self.resampling, trainer)
        self._loader = PromptLoader(
            self._prompts_of,
            pad_token_id=self._pad_token_id,
            rollout_batch_size=self.rollout_batch_size,
            coverage=self.coverage,
            seed=self.seed,
            epoch=trainer.current_epoch if trainer else 0,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )
        if self._loader_state is not None:
            self._loader.load_state_dict(self._loader_state)
            self._loader_state = None
        return self._loader

    def _resample(self, resampling: Resampling, trainer: Trainer) -> None:
        if any(since == trainer.current_epoch for since, _ in self._selections):
            return  # a checkpoint within this epoch knows its problems
        problems, size = [*self._connected()], self.rollout_batch_size
        ids = resampling.choose(trainer, problems, rollout_batch_size=size, seed=self.seed)
        if ids is not None:
            self._select(trainer.current_epoch, ids)

    def planned_rollouts(self) -> int | None:
        """Training steps up to the trainer's `max_epochs`.

        Returns:
            None where there is no such end, or where scores decide how long epochs are.
        """
        trainer: Any = self.trainer
        if trainer.max_epochs < 0:
            return None
        if self.resampling is None:
            return int(trainer.num_training_batches * trainer.max_epochs)
        return self.resampling.planned_rollouts(
            trainer,
            len(self._connected()),
            rollout_batch_size=self.rollout_batch_size,
            coverage=self.coverage,
        )

    def val_dataloader(self) -> list[BenchmarkLoader | RecordedLoader]:
        """One loader per benchmark, in the order they were named."""
        trainer = self.trainer
        return self.benchmarks.loaders(
            batch_size=self.eval_batch_size,
            pad_token_id=self._pad_token_id,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )

    @property
    def problems(self) -> list[Problem]:
        """The training problems after all checks, before `train_on`."""
        return [prompt.problem for prompt in self._connected().values()]

    def digest(self) -> str:
        """A sha256 that names the training set: ids, prompts and answers, in any order."""
        return problems_digest(self.problems)

    def train_on(self, ids: Iterable[str]) -> None:
        """Train only on these problems from the next epoch on.

        Needs `Trainer(reload_dataloaders_every_n_epochs=1)`, without which Lightning keeps the
        first epoch's number of steps. Callbacks call it in `on_train_batch_end` of the epoch's last
        batch: a run resumed from a checkpoint of that batch gets no `on_train_epoch_end`. A module
        other than PPOModule lets :func:`limr.training.checkpoint.settle_epoch` correct checkpoints
        it loads, or Lightning counts the steps of a shorter epoch as taken in a longer next one.

        Raises:
            ValueError: If an id is unknown, none is given, the trainer does not reload, or
                resampling chooses already.
        """
        if self.resampling:
            raise ValueError("train_on and resampling both choose the problems; use one of them")
        if self.trainer and getattr(self.trainer, "reload_dataloaders_every_n_epochs", 0) != 1:
            raise ValueError(
                "choosing problems between epochs needs reload_dataloaders_every_n_epochs: 1 in "
                "the trainer's configuration"
            )
        wanted = sorted(set(ids))
        restrict(self.problems, wanted, "train_on")
        epoch = 0 if self._loader is None else self._loader.state_dict()["epoch"] + 1
        self._select(epoch, wanted)

    def _select(self, epoch: int, ids: list[str]) -> None:
        earlier = [selection for selection in self._selections if selection[0] < epoch]
        self._selections = [*earlier[-1:], (epoch, ids)]

    def _prompts_of(self, epoch: int) -> list[Prompt]:
        prompts = self._connected()
        chosen = [ids for since, ids in self._selections if since <= epoch]
        return [prompts[i] for i in chosen[-1]] if chosen else list(prompts.values())

    def _connected(self) -> dict[str, Prompt]:
        assert self._prompts is not None, "connect or setup('fit') comes first"
        return self._prompts

    def _check_selections(self) -> None:
        for _, ids in self._selections:
            restrict(self.problems, ids, "the checkpoint's selection")

    def state_dict(self) -> dict[str, Any]:
        """The selections in force, those behind them and the loader's position.

        Lightning saves the loader's state itself but restores it only while no loader exists yet;
        a module that asks for `trainer.estimated_stepping_batches` makes one earlier.
        """
        state: dict[str, Any] = {"selections": [[since, ids] for since, ids in self._selections]}
        if self.resampling:
            state["resampling"] = self.resampling.state_dict()
        if self._loader is not None:
            state["loader"] = self._loader.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the selections and the position again."""
        self._selections = [(int(since), list(ids)) for since, ids in state_dict["selections"]]
        if self.resampling and "resampling" in state_dict:
            self.resampling.load_state_dict(state_dict["resampling"])
        loader_state = state_dict.get("loader")
        if loader_state is not None and self._loader is not None:
            self._loader.load_state_dict(loader_state)
        else:
            self._loader_state = loader_state
