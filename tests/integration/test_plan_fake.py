"""The plan against one rank of the 7B run on fake tensors, among eight of a fake process group."""

import pytest

from benchmarks.fake_run import measure
from limr.planning.memory import plan_memory
from limr.planning.read import read_architecture
from limr.planning.settings import Network, Placement, RunSettings, Workload
from limr.planning.sizes import count_critic, count_policy

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing_enable.*:FutureWarning"),
]


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


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(settings(2), id="2 layers"),
        pytest.param(settings(28), id="7B", marks=pytest.mark.slow),
    ],
)
def test_plan_is_what_a_rank_holds(run):
    config = run.policy.config
    plan = plan_memory(run, count_policy(config, 8), count_critic(config, 8))
    found = measure(run)
    for name in ("parameters", "reference", "gradients", "optimizer"):
        assert getattr(plan, name) == pytest.approx(getattr(found, name), rel=0.01), name
    assert plan.update_peak == pytest.approx(found.update_peak, rel=0.1)
    rollout = max(found.prefill_peak, found.decode_peak)
    assert plan.rollout_peak == pytest.approx(rollout, rel=0.1)


def test_more_is_kept_without_checkpointing():
    run = settings(2, checkpointing=False)
    config = run.policy.config
    plan = plan_memory(run, count_policy(config, 8), count_critic(config, 8))
    found = measure(run)
    assert plan.update_peak == pytest.approx(found.update_peak, rel=0.1)
