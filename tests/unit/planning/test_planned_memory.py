import dataclasses

import pytest
from transformers import Qwen2Config

from limr.planning import memory
from limr.planning.settings import Network, Placement, RunSettings, Workload
from limr.planning.sizes import Sizes

SIZE = Sizes(
    total=100, local=30, block=20, root=60, layers=2,
    hidden=4, intermediate=8, queries=4, keys=2, vocabulary=10,
)  # fmt: skip
NET = Network(config=Qwen2Config(), weight_bytes=4, checkpointing=True)
WORK = Workload(micro_batch=2, generation_batch=3, prompt_tokens=5, response_tokens=7)


def place(kind, **changes):
    return Placement(kind=kind, ranks=4, compute_bytes=2, **changes)


@pytest.mark.parametrize(
    ("kind", "weights", "gradients", "optimizer"),
    [
        ("single", 400, 400, 800),
        ("ddp", 400, 800, 800),
        ("fsdp2", 120, 120, 240),
        ("zero2", 200, 60, 360),  # ZeRO: 2 + 2 + 12 bytes a weight, the last two of them cut
        ("zero3", 60, 60, 360),
    ],
)
def test_training_state(kind, weights, gradients, optimizer):
    run = RunSettings(
        policy=NET, critic=None, reference=False, placement=place(kind), workload=WORK,
        optimizer_states=2,
    )  # fmt: skip
    assert memory.weights(SIZE, NET, place(kind)) == weights
    assert memory.gradients(SIZE, NET, place(kind)) == gradients
    assert memory.optimizer(SIZE, NET, run) == optimizer


def test_kept_activations():
    assert memory.kept_activations(SIZE, NET, place("ddp"), WORK) == 2 * (2 * 12) * (4 * 2)


def test_key_value_cache_and_the_copy_of_one_layer():
    assert memory.kv_cache(SIZE, place("ddp"), WORK) == (3 * 12) * (2 * 2 * 2) * (2 + 1)


def test_logits_with_gradient_and_float32_copies():
    assert memory.bare_logits(SIZE, place("ddp"), WORK) == 2 * 8 * 10 * 2
    assert memory.logits_work(SIZE, place("ddp"), WORK) == 2 * 320 + 4 * (2 * 8 * 10 * 4)


def test_the_policy_is_gathered_only_where_it_is_cut():
    assert memory.gathered_policy(SIZE, place("fsdp2"), WORK) == 200
    assert memory.gathered_policy(SIZE, place("ddp"), WORK) == 0


def test_peaks_are_of_two_moments():
    plan = memory.Memory(
        parameters=1, gradients=2, optimizer=4, reference=8, activations=0, logits=0,
        update_work=16, gathered_policy=32, kv_cache=64, prefill=128,
    )  # fmt: skip
    assert (plan.update_peak, plan.rollout_peak) == (31, 13 + 32 + 128)
    assert dataclasses.replace(plan, kv_cache=256).peak == 13 + 32 + 256
