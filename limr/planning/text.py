"""A plan as text: what is needed, whether it fits, and what would help."""

from dataclasses import asdict

from limr.planning.memory import Memory
from limr.planning.settings import RunSettings
from limr.planning.sizes import Sizes
from limr.planning.steps import Length

GIB = 2**30


def plan_text(run: RunSettings, memory: Memory, length: Length, gpu_memory: float) -> str:
    """The plan as a page; `gpu_memory` is one GPU's, in GiB."""
    place = run.placement
    lines = [f"{place.kind}, {place.ranks} GPU(s); GiB on each:"]
    items = {
        **asdict(memory),
        "peak of the update": memory.update_peak,
        "peak of the rollout": memory.rollout_peak,
    }
    lines += [f"  {name.replace('_', ' '):22}{size / GIB:8.1f}" for name, size in items.items()]
    lines += ["", verdict(memory, gpu_memory)]
    if memory.peak > gpu_memory * GIB:
        lines += ["what would help:", *(f"  - {line}" for line in remedies(run, memory))]
    return "\n".join([*lines, "", *_length_lines(length)]) + "\n"


def verdict(memory: Memory, gpu_memory: float) -> str:
    """One line: whether it fits and by how much."""
    peak = memory.peak / GIB
    fits = "fits into" if peak <= gpu_memory else "DOES NOT FIT into"
    return f"{peak:.1f} GiB at its highest {fits} {gpu_memory:.1f} GiB"


def remedies(run: RunSettings, memory: Memory) -> list[str]:
    """What lowers the higher of the two peaks, in the YAML's terms."""
    place, work = run.placement, run.workload
    found = []
    if memory.update_peak >= memory.rollout_peak:
        if work.micro_batch > 1:
            found.append("a smaller model.init_args.ppo.micro_batch_size: activations and logits")
        if not run.policy.checkpointing:
            found.append("model.init_args.pretrained.gradient_checkpointing: true: activations")
    elif work.generation_batch > 1:
        found.append("a smaller engine.init_args.batch_size: key-value cache and prompts")
    if place.kind in ("single", "ddp"):
        found.append("a trainer.strategy that shards, over several GPUs: weights and optimizer")
    else:
        found.append("more trainer.devices or trainer.num_nodes: weights and optimizer are shared")
    if place.kind in ("zero2", "zero3") and not place.offload_optimizer:
        found.append("trainer.strategy.init_args.offload_optimizer: true: optimizer state")
    if place.compute_bytes > 2:
        found.append("trainer.precision: bf16-mixed: activations and logits")
    return found


def _length_lines(length: Length) -> list[str]:
    if length.problems is None:
        lines = ["problems                  unknown: their files are not here; add --problems N"]
    else:
        lines = [f"problems              {length.problems:10,}"]
    lines.append(f"updates per rollout   {length.updates_per_rollout:10,}")
    if length.rollouts is not None:
        lines.append(f"rollouts              {length.rollouts:10,}")
        lines.append(f"optimizer steps       {length.optimizer_steps:10,}")
    if length.visits_per_problem is not None:
        lines.append(f"visits per problem    {length.visits_per_problem:10.1f}")
    return lines


def plan_data(
    policy: Sizes, critic: Sizes | None, memory: Memory, length: Length, checkpoint: int
) -> dict[str, object]:
    """The plan as plain data, sizes in bytes."""
    return {
        "weights": {"policy": policy.total, "critic": critic.total if critic else 0},
        "memory": {
            **asdict(memory),
            "update_peak": memory.update_peak,
            "rollout_peak": memory.rollout_peak,
            "peak": memory.peak,
        },
        "length": asdict(length),
        "checkpoint": checkpoint,
    }
