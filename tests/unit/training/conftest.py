import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, Qwen2Config

from limr.models import Critic, Policy
from limr.models.tiny import TinyArchitecture, build_model, build_tokenizer
from limr.types import GradedResponses, Problem, PromptBatch, Rollout, Trajectory, Verdict


def ragged_mask(lengths, width, *, left=False):
    steps = torch.arange(width)
    ends = torch.tensor(lengths)[:, None]
    return steps >= width - ends if left else steps < ends


@pytest.fixture
def make_trajectory():
    """Random trajectories with ragged prompts and responses; junk lies under the masks."""

    def make(prompt_lengths, response_lengths, *, vocab=11, extra_left=0, extra_right=0, seed=0):
        generator = torch.Generator().manual_seed(seed)
        rows = len(prompt_lengths)
        prompt_width, width = max(prompt_lengths), max(response_lengths)

        def ids(size):
            return torch.randint(vocab, (rows, size), generator=generator)

        def floats():
            return torch.randn(rows, width, generator=generator)

        pad = torch.nn.functional.pad
        left, right = (extra_left, 0), (0, extra_right)
        junk = float("nan")
        response_mask = pad(ragged_mask(response_lengths, width), right)
        tensors = {
            name: pad(floats(), right, value=junk).masked_fill(~response_mask, junk)
            for name in ("ref_logprobs", "values", "advantages", "returns")
        }
        logprobs = pad(-floats().abs(), right, value=junk).masked_fill(~response_mask, junk)
        return Trajectory(
            prompt_ids=pad(ids(prompt_width), left, value=3),
            prompt_mask=pad(ragged_mask(prompt_lengths, prompt_width, left=True), left),
            response_ids=pad(ids(width), right, value=5),
            response_mask=response_mask,
            logprobs=logprobs,
            **tensors,
        )

    return make


@pytest.fixture
def make_rollout():
    """Rollouts whose every number names its row, so that mixed-up rows show."""

    def make(scores, prompt_length, response_length, *, samples_per_prompt=2, start=0):
        rows = len(scores)
        index = torch.arange(start, start + rows)
        floats = index[:, None].float().expand(rows, response_length)
        problems = tuple(Problem(id=f"p{i}", prompt="?", answer="1") for i in index.tolist())
        graded = GradedResponses(
            problems=problems,
            responses=tuple(f"r{i}" for i in index.tolist()),
            verdicts=tuple(
                Verdict(status="correct" if s == 1 else "wrong", score=s) for s in scores
            ),
            lengths=(response_length,) * rows,
            truncated=tuple(i % 2 == 0 for i in index.tolist()),
            samples_per_prompt=samples_per_prompt,
        )
        return Rollout(
            graded=graded,
            prompt_ids=index[:, None].expand(rows, prompt_length),
            prompt_mask=torch.ones(rows, prompt_length, dtype=torch.bool),
            response_ids=index[:, None].expand(rows, response_length),
            response_mask=torch.ones(rows, response_length, dtype=torch.bool),
            logprobs=floats,
            ref_logprobs=floats + 0.25,
            values=floats + 0.5,
            scores=torch.tensor(scores),
        )

    return make


@pytest.fixture
def networks():
    """A two-layer random Qwen2 policy and critic over 11 tokens."""
    config = Qwen2Config(
        vocab_size=11,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    policy = Policy(AutoModelForCausalLM.from_config(config))
    critic = Critic(AutoModel.from_config(config))
    torch.nn.init.normal_(critic.head.weight)
    return policy, critic


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """A random tiny model with its tokenizer, as a Hugging Face folder."""
    folder = tmp_path_factory.mktemp("tiny-model")
    tokenizer = build_tokenizer(["1+2=3", "7-4=3"], vocab_size=270)
    architecture = TinyArchitecture(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24
    )
    tokenizer.save_pretrained(folder)
    build_model(architecture, tokenizer, seed=0).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def make_prompts(model_folder):
    """Prompt batches of one-digit sums, four prompts each."""
    tokenizer = AutoTokenizer.from_pretrained(model_folder)

    def make(steps, prompts=4):
        batches = []
        for step in range(steps):
            sums = [(step + i, i + 2) for i in range(prompts)]
            problems = tuple(
                Problem(id=f"{a}+{b}", prompt=f"{a}+{b}=", answer=str(a + b)) for a, b in sums
            )
            tokens = tokenizer([p.prompt for p in problems], padding=True, return_tensors="pt")
            batches.append(
                PromptBatch(
                    problems=problems,
                    prompt_ids=tokens["input_ids"],
                    prompt_mask=tokens["attention_mask"].bool(),
                )
            )
        return batches

    return make
