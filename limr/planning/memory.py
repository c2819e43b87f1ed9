"""Bytes on one GPU, by what they are for and by the moment at which they are needed.

A run has two moments that count: the update, in which activations and logits of a micro-batch stand
beside weights, gradients and optimizer state, and the rollout, in which the whole policy and a
key-value cache do. What a training state takes follows Rajbhandari et al. 2020 (ZeRO,
arXiv 1910.02054, section 3.1), activations Korthikanti et al. 2022 (arXiv 2205.05198, section 4),
here for attention kernels that keep no (T, T) scores, a gated MLP and no dropout.
"""

from dataclasses import dataclass

from limr.planning.settings import Network, Placement, RunSettings, Workload
from limr.planning.sizes import Sizes
from limr.rl.logprobs import CHUNK_ELEMENTS

MASTER_BYTES = 4
"""Of one number in the optimizer under DeepSpeed, and of one that gradients are reduced in."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on one GPU."""

    parameters: int
    """Of policy and critic."""
    gradients: int
    optimizer: int
    reference: int
    activations: int
    """What the forward passes of one micro-batch keep for the backward passes."""
    logits: int
    """The micro-batch's logits with their gradients and float32 copies."""
    update_work: int
    """All that the update's highest moment needs beside weights, gradients and optimizer."""
    gathered_policy: int
    """The whole policy put together for generation."""
    kv_cache: int
    prefill: int
    """Reading the prompts, before the cache is full."""

    @property
    def resident(self) -> int:
        """What lies there always."""
        return self.parameters + self.optimizer + self.reference

    @property
    def update_peak(self) -> int:
        """The update's highest point."""
        return self.resident + self.gradients + self.update_work

    @property
    def rollout_peak(self) -> int:
        """The rollout's highest point; gradients are gone by then."""
        return self.resident + self.gathered_policy + max(self.kv_cache, self.prefill)

    @property
    def peak(self) -> int:
        """The step's highest point."""
        return max(self.update_peak, self.rollout_peak)


def plan_memory(run: RunSettings, policy: Sizes, critic: Sizes | None) -> Memory:
    """The memory of a run whose networks have these sizes."""
    place, work = run.placement, run.workload
    nets = [(run.policy, policy)]
    if critic is not None and run.critic is not None:
        nets.append((run.critic, critic))
    return Memory(
        parameters=sum(weights(size, net, place) for net, size in nets),
        gradients=sum(gradients(size, net, place) for net, size in nets),
        optimizer=sum(optimizer(size, net, run) for net, size in nets),
        reference=reference(policy, run.policy, place) if run.reference else 0,
        activations=sum(kept_activations(size, net, place, work) for net, size in nets),
        logits=logits_work(policy, place, work),
        update_work=update_work(nets, place, work),
        gathered_policy=gathered_policy(policy, place, work),
        kv_cache=kv_cache(policy, place, work),
        prefill=prefill(policy, place, work),
    )


def update_work(nets: list[tuple[Network, Sizes]], place: Placement, work: Workload) -> int:
    """The highest of three moments of a micro-batch, `nets` being the policy and any critic.

    The loss's backward pass, when the critic's is over; a block's, the first of the critic's with
    the logits still waiting; and, where weights are sharded, the reduction of what is outside the
    blocks, in its own data type and as float32.
    """
    policy = nets[0][1]
    compute = place.compute_bytes
    blocks = 2 * compute * max(size.block for _, size in nets) if place.sharded else 0
    copies = [weight_copies(size, net, place) for net, size in nets]
    kept = [kept_activations(size, net, place, work) for net, size in nets]
    head = kept[0] + copies[0] + blocks + logits_work(policy, place, work)
    waiting = bare_logits(policy, place, work) if len(nets) > 1 else 0
    block = max(block_work(size, net, place, work) for net, size in nets)
    reduced = (compute + MASTER_BYTES) * blocks // (2 * compute)
    middle = sum(kept) + sum(copies) + blocks + reduced + waiting + block
    root = (2 * compute + MASTER_BYTES) * policy.root if place.sharded else 0
    return max(head, middle, root)


def weight_copies(size: Sizes, net: Network, place: Placement) -> int:
    """Weights in the computation's data type that stand from forward to backward pass.

    Sharded, what is outside the blocks stays gathered. Whole float32 weights are cast by autocast
    operation by operation, and the backward pass keeps what was cast but for recomputed blocks.
    """
    if place.sharded:
        return place.compute_bytes * size.root
    if place.kind == "zero2" or place.compute_bytes == net.weight_bytes:
        return 0
    return place.compute_bytes * (size.root + size.block if net.checkpointing else size.total)


def weights(size: Sizes, net: Network, place: Placement) -> int:
    """A network's own weights on one GPU."""
    if place.offload_parameters:
        return 0
    if place.kind in ("zero2", "zero3"):
        return place.compute_bytes * (size.local if place.sharded else size.total)
    return net.weight_bytes * (size.local if place.sharded else size.total)


def reference(size: Sizes, net: Network, place: Placement) -> int:
    """The frozen reference, which FSDP2 alone cuts over the ranks."""
    return net.weight_bytes * (size.local if place.kind == "fsdp2" else size.total)


def gradients(size: Sizes, net: Network, place: Placement) -> int:
    """Gradients between backward pass and step; DDP keeps them a second time, in buckets."""
    if place.kind in ("zero2", "zero3"):
        return place.compute_bytes * size.local
    if place.kind == "fsdp2":
        return net.weight_bytes * size.local
    return net.weight_bytes * size.total * (2 if place.kind == "ddp" else 1)


def optimizer(size: Sizes, net: Network, run: RunSettings) -> int:
    """Optimizer state; DeepSpeed's with the float32 weights when it computes in bfloat16."""
    place = run.placement
    if place.offload_optimizer:
        return 0
    if place.kind in ("zero2", "zero3"):
        master = place.compute_bytes < MASTER_BYTES
        return MASTER_BYTES * (run.optimizer_states + master) * size.local
    return net.weight_bytes * run.optimizer_states * (size.local if place.sharded else size.total)


def kept_activations(size: Sizes, net: Network, place: Placement, work: Workload) -> int:
    """What a micro-batch's forward pass keeps: each block's input, or all of each block."""
    tokens = work.micro_batch * (work.prompt_tokens + work.response_tokens)
    each = size.hidden * place.compute_bytes if net.checkpointing else block_bytes(size, place)
    return size.layers * tokens * each


def block_bytes(size: Sizes, place: Placement) -> int:
    """What one block keeps of each token.

    Two norms (input and a float32 copy each), queries, keys, values and the attention's output,
    the input of both halves, and of the gated MLP four tensors of its inner width.
    """
    narrow = 5 * size.hidden + 2 * size.queries + 2 * size.keys + 4 * size.intermediate
    return place.compute_bytes * narrow + 2 * MASTER_BYTES * size.hidden


def block_work(size: Sizes, net: Network, place: Placement, work: Workload) -> int:
    """One block's backward pass: two gradients as wide as its MLP, and what it recomputes."""
    tokens = work.micro_batch * (work.prompt_tokens + work.response_tokens)
    recomputed = block_bytes(size, place) if net.checkpointing else 0
    return tokens * (recomputed + 2 * place.compute_bytes * size.intermediate)


def logits_work(size: Sizes, place: Placement, work: Workload) -> int:
    """A micro-batch's (micro_batch, T + 1, vocabulary) logits, and what their loss makes of them.

    Logits and their gradient are of the computation's data type. The softmax is taken of a few
    responses at a time in float32 (`limr.rl.logprobs`), of which four tensors stand at once: the
    scaled logits, their log-softmax and a gradient of each.
    """
    row = (work.response_tokens + 1) * size.vocabulary
    rows = min(work.micro_batch, max(1, CHUNK_ELEMENTS // row))
    passes = 2 + work.entropy_gradient
    return passes * bare_logits(size, place, work) + 4 * rows * row * MASTER_BYTES


def bare_logits(size: Sizes, place: Placement, work: Workload) -> int:
    """A micro-batch's logits alone."""
    return work.micro_batch * (work.response_tokens + 1) * size.vocabulary * place.compute_bytes


def gathered_policy(size: Sizes, place: Placement, work: Workload) -> int:
    """The whole policy, in the computation's data type, where a sharded one generates."""
    return place.compute_bytes * size.total if place.sharded and work.generation_batch else 0


def kv_cache(size: Sizes, place: Placement, work: Workload) -> int:
    """Keys and values of every token in the engine's batch; each layer's is copied as it grows."""
    tokens = work.generation_batch * (work.prompt_tokens + work.response_tokens)
    return 2 * size.keys * place.compute_bytes * tokens * (size.layers + 1)


def prefill(size: Sizes, place: Placement, work: Workload) -> int:
    """Reading the prompts: their keys and values, and one block's tensors at their widest."""
    widest = 3 * size.intermediate + 4 * size.hidden + 2 * size.keys * size.layers
    return work.generation_batch * work.prompt_tokens * place.compute_bytes * widest


def checkpoint_bytes(run: RunSettings, policy: Sizes, critic: Sizes | None) -> int:
    """One checkpoint of all ranks: weights and optimizer state of policy and critic."""
    nets = [(run.policy, policy)]
    if critic is not None and run.critic is not None:
        nets.append((run.critic, critic))
    return sum(net.weight_bytes * (1 + run.optimizer_states) * size.total for net, size in nets)
