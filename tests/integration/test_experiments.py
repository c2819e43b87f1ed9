"""Every shipped YAML loads; the 7B runs are built without weights and hold the paper's numbers."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from transformers import Qwen2Config

from limr.cli import LimrCLI, ParseOnly, command_line
from limr.data import Columns, FileProblems
from limr.models.tiny import build_tokenizer
from limr.training import FSDP2
from limr.types import Sampling

pytestmark = pytest.mark.integration

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STUDY = "study/full.yaml"
RUNS = [*sorted(path.name for path in EXPERIMENTS.glob("*.yaml")), STUDY]
OVERLAYS = sorted(
    f"{path.parent.name}/{path.name}"
    for path in (*EXPERIMENTS.glob("overlay/*.yaml"), *EXPERIMENTS.glob("trainer/*.yaml"))
    if path.name != "callbacks_7b.yaml"
)
STUDY_OVERLAYS = sorted(
    f"study/{path.name}" for path in EXPERIMENTS.glob("study/*.yaml") if path.name != "full.yaml"
)
BELOW = dict.fromkeys(OVERLAYS, "quickstart.yaml") | dict.fromkeys(STUDY_OVERLAYS, STUDY)
"""The run that an overlay lies over in these tests."""
PAPER_RUNS = ("limr_qwen7b.yaml", "full_qwen7b.yaml", "random_qwen7b.yaml", "linear_qwen7b.yaml")


class BuildOnly(LimrCLI):
    """`limr fit` up to where training would start."""

    def _run_subcommand(self, subcommand):
        pass


def parsed(*paths):
    """The run with every default filled in, as text and as plain data."""
    flags = [arg for path in paths for arg in ("--config", str(path))]
    cli = command_line(ParseOnly, ["fit", *flags])
    text = cli._parser("fit").dump(cli.config["fit"], skip_unset=False)
    return text, yaml.safe_load(text)


@pytest.fixture(scope="module", params=[*RUNS, *BELOW])
def run(request):
    """A run file's path, its resolved text and data; an overlay's with the run below it."""
    path = EXPERIMENTS / request.param
    below = [EXPERIMENTS / BELOW[request.param]] if request.param in BELOW else []
    return path, *parsed(*below, path)


def expand(node, folder, found):
    """The YAML with every named group file put in its place; `found` collects these files."""
    if isinstance(node, dict):
        return {key: expand(value, folder, found) for key, value in node.items()}
    if isinstance(node, list):
        return [expand(value, folder, found) for value in node]
    if isinstance(node, str) and node.endswith(".yaml"):
        path = (folder / node).resolve()
        found.add(path)
        return expand(yaml.safe_load(path.read_text()), path.parent, found)
    return node


def overwritten(written, resolved, key=""):
    """Keys whose value in the YAML is not the one that runs."""
    if isinstance(written, dict) and isinstance(resolved, dict):
        return [
            bad
            for name, value in written.items()
            for bad in overwritten(value, resolved.get(name), f"{key}.{name}")
        ]
    if isinstance(written, list) and isinstance(resolved, list) and len(written) == len(resolved):
        pairs = enumerate(zip(written, resolved, strict=True))
        return [bad for i, (a, b) in pairs for bad in overwritten(a, b, f"{key}[{i}]")]
    if key.endswith("class_path"):  # a short class name is written out in full
        return [] if resolved.rpartition(".")[2] == written.rpartition(".")[2] else [key]
    return [] if written == resolved else [key]


def test_what_the_yaml_says_is_what_runs(run):
    path, _, resolved = run
    written = expand(yaml.safe_load(path.read_text()), path.parent, set())
    assert overwritten(written, resolved) == []


def test_the_printed_configuration_loads_back_to_the_same_run(run, tmp_path):
    _, text, resolved = run
    (tmp_path / "printed.yaml").write_text(text)
    assert parsed(tmp_path / "printed.yaml")[1] == resolved


def test_every_group_file_belongs_to_a_run():
    found = set()
    for name in RUNS:
        expand(yaml.safe_load((EXPERIMENTS / name).read_text()), EXPERIMENTS, found)
    others = {EXPERIMENTS / name for name in (*RUNS, *BELOW)}
    assert set(EXPERIMENTS.glob("*/**/*.yaml")) - others == found


@pytest.mark.parametrize("name", [*RUNS, *BELOW])
def test_a_file_begins_with_the_command_that_runs_it(name):
    lines = (EXPERIMENTS / name).read_text().splitlines()
    below = f"--config experiments/{BELOW[name]} " if name in BELOW else ""
    verb = "validate" if name == "validate.yaml" else "fit"
    command = f"# limr {verb} {below}--config experiments/{name}"
    assert lines[0].startswith(command) or lines[0] == "# make smollm2"


def test_the_studys_arms_take_as_many_rollouts_as_full():
    def rollouts(prompts, batch):
        return -(-prompts // batch)

    for size, batch, top_k in ((384, 16, 64), (48, 4, 8)):
        overlays = [] if size == 384 else [EXPERIMENTS / "study/smoke.yaml"]
        full, selected, online = (
            parsed(EXPERIMENTS / STUDY, *(EXPERIMENTS / f"study/{name}.yaml" for name in arm),
                   *overlays)[1]
            for arm in ([], ["selected"], ["online"])
        )  # fmt: skip
        data = full["data"]["init_args"]
        assert data["problems"]["init_args"]["size"] == size
        assert data["rollout_batch_size"] == batch
        whole = rollouts(size, batch)
        steps = full["trainer"]["max_epochs"] * whole
        assert selected["trainer"]["max_epochs"] * rollouts(top_k, batch) == steps
        resampling = online["data"]["init_args"]["resampling"]["init_args"]
        later = online["trainer"]["max_epochs"] - resampling["warmup_epochs"]
        visited = top_k + round(resampling["exploration"] * (size - top_k))
        assert resampling["warmup_epochs"] * whole + later * rollouts(visited, batch) == steps
        # a selection from whole epochs is paid at a step that was measured
        assert whole % full["trainer"]["val_check_interval"] == 0


@pytest.fixture(scope="module")
def qwen_folder(tmp_path_factory):
    """The architecture of Qwen2.5-Math-7B with a small tokenizer, no weights."""
    folder = tmp_path_factory.mktemp("qwen2.5-math-7b")
    tokenizer = build_tokenizer(["What is 1 + 1? \\boxed{2}"], 300)
    tokenizer.save_pretrained(folder)
    Qwen2Config(
        vocab_size=152064,
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=False,
        dtype="bfloat16",
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory):
    """Stands in for a dataset of the Hub: 1,389 rows."""
    folder = tmp_path_factory.mktemp("dataset")
    write_rows(folder / "train.jsonl", 1389, "prompt")
    return folder


@pytest.fixture(scope="module")
def benchmarks_folder(tmp_path_factory):
    """Stands in for the benchmarks' questions."""
    folder = tmp_path_factory.mktemp("benchmarks")
    for name, size in (("aime24", 30), ("amc23", 40), ("math500", 500)):
        write_rows(folder / f"{name}.jsonl", size, "question")
    return folder


def write_rows(path, size, prompt):
    rows = [{prompt: f"What is {i} + 1?", "answer": str(i + 1)} for i in range(size)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def problems_file(tmp_path_factory):
    """Stands in for math.8k.json: 8,523 rows, two of them without an answer."""
    path = tmp_path_factory.mktemp("math8k") / "math.8k.json"
    rows = [
        {"id": f"p{i}", "prompt": f"What is {i} + 1?", "answer": str(i + 1), "source": "math"}
        for i in range(8523)
    ]
    rows[5]["answer"] = rows[6]["answer"] = ""
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def build(qwen_folder, hub_folder, benchmarks_folder, problems_file, tmp_path, monkeypatch):
    """Builds a paper run's model, data and trainer on this machine, from local files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))

    def build(name):
        data = "--data.init_args"
        args = [
            *("--config", str(EXPERIMENTS / name)),
            *("--model.init_args.pretrained.name", str(qwen_folder)),
            *("--model.init_args.pretrained.attn_implementation", "sdpa"),
            *("--trainer.accelerator", "cpu", "--trainer.devices", "1"),
            *("--trainer.strategy", "auto", "--trainer.logger", "false"),
            *(f"{data}.suite.files", str(benchmarks_folder)),
        ]
        if name == "limr_qwen7b.yaml":
            args += [f"{data}.problems.init_args.name", str(hub_folder)]
        else:
            args += [f"{data}.problems.init_args.path", str(problems_file)]
            digest = hashlib.sha256(problems_file.read_bytes()).hexdigest()
            args += [f"{data}.problems.init_args.sha256", digest]
        if name == "linear_qwen7b.yaml":
            (tmp_path / "linear.jsonl").write_text(
                "".join(json.dumps({"id": f"p{i}"}) + "\n" for i in range(1000, 2138))
            )
            args += [f"{data}.ids_file", "linear.jsonl"]
        return command_line(BuildOnly, ["fit", *args])

    return build


# By hand: embedding and output 152,064 x 3,584 each; per layer q 3,584 x 3,584 + 3,584, k and v
# 3,584 x 512 + 512 each, o 3,584 x 3,584, three MLP matrices 3,584 x 18,944, two norms of 3,584;
# 28 layers; a last norm.
EMBEDDING = 544_997_376
LAYER = 12_848_640 + 2 * 1_835_520 + 12_845_056 + 3 * 67_895_296 + 2 * 3_584
POLICY = 2 * EMBEDDING + 28 * LAYER + 3_584
CRITIC = POLICY - EMBEDDING + 3_584 + 1  # no output matrix, a scalar head with a bias

PROBLEMS = {  # after the two without an answer
    "limr_qwen7b.yaml": 1389,
    "full_qwen7b.yaml": 8521,
    "random_qwen7b.yaml": 1389,
    "linear_qwen7b.yaml": 1138,
}
ROLLOUTS = {  # of 1,024 prompts: per epoch, in all
    "limr_qwen7b.yaml": (1, 130),
    "full_qwen7b.yaml": (8, 168),
    "random_qwen7b.yaml": (1, 130),
    "linear_qwen7b.yaml": (1, 130),
}


@pytest.mark.parametrize("name", PAPER_RUNS)
def test_a_paper_run_is_built_without_weights(build, name):
    cli = build(name)
    model, data, trainer = cli.model, cli.datamodule, cli.trainer
    with torch.device("meta"):
        model.configure_model()
    for network, size in ((model.policy, POLICY), (model.critic, CRITIC)):
        assert sum(p.numel() for p in network.parameters()) == size
        assert all(p.is_meta and p.requires_grad for p in network.parameters())
    assert sum(p.numel() for p in model._reference.parameters()) == POLICY
    assert not any(p.requires_grad for p in model._reference.parameters())

    data.connect(model.tokenizer)
    assert len(data.problems) == PROBLEMS[name]
    batches = [next(iter(loader)) for loader in data.val_dataloader()]
    assert [batch.benchmark for batch in batches] == ["aime24", "amc23", "math500"]
    per_epoch, in_all = ROLLOUTS[name]
    assert len(data.train_dataloader()) == per_epoch
    assert per_epoch * trainer.max_epochs == in_all


def test_one_optimizer_holds_policy_and_critic_at_their_own_rates(build):
    cli = build("limr_qwen7b.yaml")
    model, trainer = cli.model, cli.trainer
    with torch.device("meta"):
        model.configure_model()
    trainer.strategy.connect(model)
    trainer._data_connector.attach_data(model, datamodule=cli.datamodule)
    trainer.state.fn = "fit"
    cli.datamodule.connect(model.tokenizer)
    [optimizer], [scheduler] = model.configure_optimizers()

    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.defaults["betas"] == (0.9, 0.95)
    assert optimizer.defaults["weight_decay"] == 0.0
    policy, critic = optimizer.param_groups
    assert (policy["name"], policy["initial_lr"]) == ("policy", 5e-7)
    assert (critic["name"], critic["initial_lr"]) == ("critic", 9e-6)
    assert sum(p.numel() for p in policy["params"]) == POLICY
    assert sum(p.numel() for p in critic["params"]) == CRITIC
    rates = []
    for _ in range(12):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx([5e-8, 9e-7])
    assert rates[4] == pytest.approx([2.5e-7, 4.5e-6])
    assert rates[9] == rates[11] == pytest.approx([5e-7, 9e-6])


# Typed from the paper and the released scripts, not from the YAML.
PAPER_PPO = {
    "estimator": "gae",
    "gamma": 1.0,
    "gae_lambda": 0.95,
    "whiten_advantages": True,
    "clip_range": 0.2,
    "clip_range_high": None,
    "clip_range_vf": 0.2,
    "kl_coef": 0.01,
    "kl_estimator": "k1",
    "kl_in": "reward",
    "loss_aggregation": "token",
    "entropy_coef": 0.0,
    "ppo_epochs": 1,
    "minibatch_size": 256,
    "micro_batch_size": 4,
    "actor_lr": 5e-7,
    "critic_lr": 9e-6,
    "warmup_steps": 10,
    "max_grad_norm": 1.0,
    "logprob_temperature": 1.0,
    "dynamic_sampling": 0,
    "overlong_buffer_tokens": 0,
}
PAPER_SCORES = {"correct": 1.0, "wrong": -0.5, "malformed": -1.0, "timeout": -1.0, "error": -1.0}
PAPER_CHECKS = {
    "ended": True,
    "min_boxes": 1,
    "max_boxes": 4,
    "max_strange_share": 0.3,
    "repeat_chars": 5,
    "repeat_times": 5,
}


@pytest.mark.parametrize("name", PAPER_RUNS)
def test_a_paper_run_holds_the_papers_numbers(build, name):
    cli = build(name)
    model, data = cli.model, cli.datamodule
    assert {key: getattr(model.ppo, key) for key in PAPER_PPO} == PAPER_PPO
    assert model.sampling == Sampling(
        temperature=1.2, top_p=1.0, max_response_tokens=3072, samples_per_prompt=8
    )
    assert model.logprob_temperature == 1.0
    assert model.pretrained.dtype == "float32"  # master weights; the trainer's precision is bf16
    assert model.pretrained.gradient_checkpointing
    scores, checks = model.reward.pool.scores, model.reward.pool.checks
    assert {key: getattr(scores, key) for key in PAPER_SCORES} == PAPER_SCORES
    assert {key: getattr(checks, key) for key in PAPER_CHECKS} == PAPER_CHECKS
    assert (data.rollout_batch_size, data.coverage, data.max_prompt_tokens) == (
        *(1024, "drop_last", 1024),
    )
    assert data.template.system == (
        "Please reason step by step, and put your final answer within \\boxed{}."
    )
    four = Sampling(temperature=0.4, top_p=0.95, max_response_tokens=3072, samples_per_prompt=4)
    greedy = Sampling(temperature=0.0, max_response_tokens=3072)
    assert {key: benchmark.sampling for key, benchmark in data.benchmarks.items()} == {
        "aime24": four,
        "amc23": four,
        "math500": greedy,
    }


@pytest.mark.parametrize("name", PAPER_RUNS)
def test_a_paper_run_names_the_original_model_and_data(name):
    _, resolved = parsed(EXPERIMENTS / name)
    pretrained = resolved["model"]["init_args"]["pretrained"]
    assert pretrained["name"] == "Qwen/Qwen2.5-Math-7B"
    assert pretrained["attn_implementation"] == "flash_attention_2"
    problems = resolved["data"]["init_args"]["problems"]["init_args"]
    if name == "limr_qwen7b.yaml":
        assert problems["name"] == "GAIR/LIMR"
    else:
        digest = "aa3cc946c7106464a4e4c8df47633c5ca7655b57bed8b8bb026e86bc7745ec46"
        assert problems["sha256"] == digest
    assert resolved["data"]["init_args"]["num_problems"] == (
        1389 if name == "random_qwen7b.yaml" else None
    )


def test_lightning_accepts_the_eight_gpu_strategy(tmp_path):
    _, resolved = parsed(EXPERIMENTS / "limr_qwen7b.yaml")
    settings = resolved["trainer"]
    assert (settings["accelerator"], settings["devices"]) == ("gpu", 8)
    assert settings["strategy"]["class_path"] == "limr.training.FSDP2"
    trainer = Trainer(
        accelerator="cpu",
        devices=settings["devices"],
        precision=settings["precision"],
        strategy=FSDP2(**settings["strategy"]["init_args"]),
        logger=False,
        enable_checkpointing=False,
        default_root_dir=tmp_path,
    )
    assert isinstance(trainer.strategy, FSDP2)
    assert trainer.precision == "bf16-mixed"


def test_the_full_set_on_disk_is_the_one_the_run_names(shared_data):
    init = yaml.safe_load((EXPERIMENTS / "data" / "math8k.yaml").read_text())["init_args"]
    source = FileProblems(
        **{**init, "path": os.fspath(shared_data / "limr" / "math.8k.json")}
        | {"columns": Columns(**init["columns"])}
    )
    assert len(source.load()) == 8521


@pytest.mark.parametrize(
    ("paths", "arm", "method"),
    [
        (["full_qwen7b.yaml"], "full", "all"),
        (["limr_qwen7b.yaml"], "lim", "lim"),
        (["linear_qwen7b.yaml"], "linear", "linear"),
        (["random_qwen7b.yaml"], "random", "random"),
        (["quickstart.yaml"], "full", "all"),
        (["quickstart.yaml", "overlay/resampling.yaml"], "online", "lim"),
        ([STUDY], "full", "all"),
        ([STUDY, "study/selected.yaml"], "lim", "lim"),
        ([STUDY, "study/online.yaml"], "online", "lim"),
    ],
)
def test_a_run_says_which_arm_it_is(paths, arm, method):
    _, resolved = parsed(*(EXPERIMENTS / path for path in paths))
    tags = resolved["trainer"]["logger"]["init_args"]["tags"]
    assert (tags["arm"], tags["method"]) == (arm, method)
    # where the problem file itself is a selection the data cannot tell its share
    assert ("share" in tags) == (paths == ["limr_qwen7b.yaml"])
