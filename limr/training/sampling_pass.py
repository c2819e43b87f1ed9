"""One pass of a model over problems without training it: the cheap stand-in for a training run."""

from collections.abc import Sequence
from typing import Literal

import torch
from tqdm import tqdm

from limr.data import ChatTemplate, PromptTemplate
from limr.data.loaders import Prompt, collate
from limr.generation import RolloutEngine, TransformersEngine
from limr.models import Policy
from limr.models.loading import Pretrained, load_causal_lm, load_tokenizer
from limr.seeding import derive_seed
from limr.training.collector import Stopwatch, respond
from limr.training.recorder import rows_of
from limr.trajectories import TrajectoryWriter, write_problems
from limr.types import Problem, Sampling
from limr.verifier import Reward, RuleReward


class SamplingPass:
    """Draws and grades responses to problems, into a trajectory store of one epoch."""

    def __init__(
        self,
        model: str,
        samples: int = 8,
        temperature: float = 1.0,
        top_p: float = 1.0,
        max_response_tokens: int = 1024,
        template: PromptTemplate | None = None,
        engine: RolloutEngine | None = None,
        reward: Reward | None = None,
        batch_size: int = 32,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        seed: int = 0,
    ) -> None:
        r"""Load the model.

        Args:
            model: A Hugging Face hub name, a local folder, or `embedded:tiny-base`.
            samples: Responses to each problem.
            temperature: Of sampling.
            top_p: Nucleus mass in (0, 1].
            max_response_tokens: Length limit; a response cut there is malformed.
            template: How a problem is put to the model; None is the tokenizer's chat template.
            engine: Draws the responses; None is transformers' own `generate`.
            reward: Grades them; None is the rule-based reward.
            batch_size: Problems at a time, one file of the store.
            dtype: Data type of the weights.
            seed: Decides the draws.

        Raises:
            ValueError: If a number is out of range or the model cannot be loaded.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        self.model = model
        self.sampling = Sampling(
            temperature=temperature,
            top_p=top_p,
            max_response_tokens=max_response_tokens,
            samples_per_prompt=samples,
        )
        self.template = template or ChatTemplate()
        self.engine = engine or TransformersEngine()
        self.reward = reward or RuleReward()
        self.batch_size = batch_size
        self.seed = seed
        pretrained = Pretrained(name=model, dtype=dtype)
        self._tokenizer = load_tokenizer(pretrained)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._policy = Policy(load_causal_lm(pretrained)).to(device).eval()
        self._device = device

    def run(self, problems: Sequence[Problem], dirpath: str) -> None:
        """Sample responses to every problem and record them.

        Args:
            problems: Distinct problems.
            dirpath: The store's folder, a local path or an fsspec URL.

        Raises:
            ValueError: If the folder holds trajectories or the template does not fit the model.
        """
        writer = TrajectoryWriter(dirpath, f"sampling-pass:{self.model}")
        if writer.files.paths():
            raise ValueError(
                f"{dirpath} holds trajectories already; select from them by --trajectories, or "
                "remove them to sample anew"
            )
        write_problems(dirpath, problems)
        encoded = self.template.encode(problems, self._tokenizer)
        prompts = [Prompt(problem=p, ids=ids) for p, ids in zip(problems, encoded, strict=True)]
        starts = range(0, len(prompts), self.batch_size)
        for step, start in enumerate(tqdm(starts, desc="sampled", unit=" batches", disable=None)):
            batch = collate(prompts[start : start + self.batch_size], self._tokenizer.pad_token_id)
            _batch, _responses, graded = respond(
                batch.to(self._device),
                self.sampling,
                policy=self._policy,
                tokenizer=self._tokenizer,
                engine=self.engine,
                reward=self.reward,
                seed=derive_seed(self.seed, "sampling pass"),
                stopwatch=Stopwatch(),
            )
            rows = rows_of(graded, policy_version=0, save_responses=True)
            writer.append(rows, epoch=0, step=step, rank=0)
