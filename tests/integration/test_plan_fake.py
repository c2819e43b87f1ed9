"""The plan against one rank of the 7B run on fake tensors, among eight of a fake process group."""

from pathlib import Path

import pytest

from benchmarks.fake_run import measure
from limr.cli import parse_fit
from limr.planning.memory import plan_memory
from limr.planning.read import read_architecture, read_settings
from limr.planning.settings import Network, Placement, RunSettings, Workload
from limr.planning.sizes import count_critic, count_policy

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing_enable.*:FutureWarning"),
]


EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def settings(layers, *, checkpointing=True):
    config = read_architecture("Qwen/Qwen2.5-Math-7B")
    config = type(config)(**{**config.to_dict(), "num_hidden_layers": layers, "layer_types": None})
    network = Network(config=config, weight_bytes=4, checkpointing=checkpointing)
    return RunSettings(
        policy=network,
        critic=network,
        reference=True,
        placement=Placement(kind="fsdp2", ranks=8, compute_bytes=2),
        workload=Workload(
            micro_batch=4, generation_batch=64, prompt_tokens=1024, response_tokens=3072
        ),
        optimizer_states=2,
    )


def check(run, found):
    config = run.policy.config
    plan = plan_memory(run, count_policy(config, 8), count_critic(config, 8))
    for name in ("parameters", "reference", "gradients", "optimizer"):
        assert getattr(plan, name) == pytest.approx(getattr(found, name), rel=0.01), name
    assert plan.update_peak == pytest.approx(found.update_peak, rel=0.1)
    rollout = max(found.prefill_peak, found.decode_peak)
    assert plan.rollout_peak == pytest.approx(rollout, rel=0.1)


def test_two_layers_of_the_7b_model():
    check(settings(2), measure(settings(2)))


@pytest.fixture(scope="module")
def measured_7b():
    return measure(settings(28))


@pytest.mark.parametrize("name", ["limr", "full", "linear", "random"])
def test_the_7b_runs_take_what_a_rank_of_eight_holds(name, measured_7b):
    run = read_settings(parse_fit(["--config", str(EXPERIMENTS / f"{name}_qwen7b.yaml")]))
    assert run.policy.config.to_dict() == settings(28).policy.config.to_dict()
    assert (run.placement, run.workload) == (settings(28).placement, settings(28).workload)
    check(run, measured_7b)


def test_more_is_kept_without_checkpointing():
    run = settings(2, checkpointing=False)
    config = run.policy.config
    plan = plan_memory(run, count_policy(config, 8), count_critic(config, 8))
    found = measure(run)
    assert plan.update_peak == pytest.approx(found.update_peak, rel=0.1)
