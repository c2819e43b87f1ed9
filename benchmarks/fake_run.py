"""A run's memory on one rank, measured on fake tensors: no weights, no GPU, no other ranks.

Torch's fake process group answers every collective, so the first rank of any number shards, gathers
and reduces as it would among the others, and every storage it makes is counted.
"""

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy
from torch.distributed.tensor import DTensor
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModel, AutoModelForCausalLM, DynamicCache, PreTrainedModel

from limr.models import Critic, Policy
from limr.models.sharding import gathered, shard
from limr.planning.settings import Network, RunSettings, Workload
from limr.training.ppo_config import PPOConfig
from limr.training.ppo_update import Denominators, ppo_losses
from limr.types import Trajectory


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all storages that operations within have made and that still live."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        """Count from `known`, what is alive before."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._sizes: dict[int, tuple[Any, int]] = {}
        for tensor in known:
            self._see(tensor)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it made."""
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._see(leaf)
        return out

    def _see(self, tensor: Tensor) -> None:
        local = tensor._local_tensor if isinstance(tensor, DTensor) else tensor
        self._count(local.untyped_storage())

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = id(storage)
        reference, before = self._sizes.get(key, (None, 0))
        size = storage.nbytes()
        if reference is None:
            reference = weakref.ref(storage, lambda _: self._forget(key))
        self._sizes[key] = (reference, size)
        self.live += size - before
        self.peak = max(self.peak, self.live)

    def _forget(self, key: int) -> None:
        self.live -= self._sizes.pop(key)[1]

    def __enter__(self) -> "LiveBytes":
        """Count, also what FSDP2 does behind the dispatcher: it frees storages by resizing them."""
        resize = self._resize = torch.UntypedStorage.resize_

        def counted(storage: torch.UntypedStorage, size: int) -> None:
            resize(storage, size)
            self._count(storage)

        patched: Any = torch.UntypedStorage
        patched.resize_ = counted
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        """Count no more."""
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        patched: Any = torch.UntypedStorage
        patched.resize_ = self._resize


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Bytes on one rank."""

    parameters: int
    reference: int
    gradients: int
    optimizer: int
    update_peak: int
    optimizer_peak: int
    prefill_peak: int
    decode_peak: int


@dataclass(frozen=True)
class _Run:
    policy: Policy
    critic: Critic
    reference: Policy
    optimizer: torch.optim.Optimizer

    @property
    def trained(self) -> list[nn.Parameter]:
        return [*self.policy.parameters(), *self.critic.parameters()]

    def tensors(self) -> Iterator[Tensor]:
        for module in (self.policy, self.critic, self.reference):
            yield from module.parameters()
            yield from module.buffers()
        yield from (p.grad for p in self.trained if p.grad is not None)
        for state in self.optimizer.state.values():
            yield from (x for x in state.values() if isinstance(x, Tensor))


def measure(settings: RunSettings) -> Measured:
    """One rank of an FSDP2 run in bf16-mixed through two micro-batches, a step and a rollout.

    The process must not have a process group; it has none afterwards either.
    """
    ranks = settings.placement.ranks
    dist.init_process_group("fake", rank=0, world_size=ranks, store=FakeStore())
    try:
        mesh = init_device_mesh("cpu", (ranks,))
        with FakeTensorMode():
            run = _build(settings, mesh)
            update_peak, optimizer_peak, gradients = _measure_update(run, settings.workload)
            prefill_peak, decode_peak = _measure_rollout(run, settings.workload)
            return Measured(
                parameters=_local_bytes(run.trained),
                reference=_local_bytes(run.reference.parameters()),
                gradients=gradients,
                optimizer=_local_bytes(
                    x for state in run.optimizer.state.values() for x in state.values()
                ),
                update_peak=update_peak,
                optimizer_peak=optimizer_peak,
                prefill_peak=prefill_peak,
                decode_peak=decode_peak,
            )
    finally:
        dist.destroy_process_group()


def _build(settings: RunSettings, mesh: DeviceMesh) -> _Run:
    assert settings.critic is not None
    policy = _new(AutoModelForCausalLM, settings.policy)
    critic = Critic(_new(AutoModel, settings.critic))
    reference = _new(AutoModelForCausalLM, settings.policy)
    mixed = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for module, trained in ((policy, True), (critic, True), (reference, False)):
        shard(module, mesh, mp_policy=mixed, trained=trained)
    trained_parameters = [*policy.parameters(), *critic.parameters()]
    return _Run(
        Policy(policy),
        critic,
        Policy(reference).requires_grad_(False),
        torch.optim.AdamW(trained_parameters, lr=1e-6),
    )


def _new(auto_class: Any, network: Network) -> PreTrainedModel:
    model: PreTrainedModel = auto_class.from_config(
        network.config, dtype=torch.float32, attn_implementation="sdpa"
    )
    if network.checkpointing:
        enable = getattr(model, "activation_checkpointing_enable", None)
        (enable or model.gradient_checkpointing_enable)()
    return model


@contextmanager
def _counting(run: _Run) -> Iterator[LiveBytes]:
    with (
        LiveBytes(run.tensors()) as count,
        torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False),
    ):
        yield count


def _measure_update(run: _Run, workload: Workload) -> tuple[int, int, int]:
    """Peak of a later micro-batch's passes, peak of the optimizer's step, bytes of gradients."""
    run.policy.train()
    run.critic.train()
    micro = _longest(workload)
    for parameter in run.trained:  # the first step of a run has no optimizer state yet
        parameter.grad = torch.zeros_like(parameter)
    run.optimizer.step()
    # Fake masks have no values to find padding by, and there is none.
    whole = mock.patch("limr.training.ppo_update.micro_batches", lambda rows, _: [rows])
    with whole, _counting(run) as count:
        one = torch.tensor(1.0)
        for loss in ppo_losses(
            micro,
            denominators=Denominators(loss=one, tokens=one),
            policy=run.policy,
            critic=run.critic,
            ppo=PPOConfig(micro_batch_size=workload.micro_batch),
            temperature=1.0,
            max_response_tokens=workload.response_tokens,
        ):
            loss.objective.backward()
        update_peak = count.peak
    gradients = _local_bytes(p.grad for p in run.trained if p.grad is not None)
    with _counting(run) as count:
        run.optimizer.step()
    run.optimizer.zero_grad()
    return update_peak, count.peak, gradients


def _longest(workload: Workload) -> Trajectory:
    """A micro-batch without padding."""
    prompts = workload.micro_batch, workload.prompt_tokens
    responses = workload.micro_batch, workload.response_tokens
    floats = {
        name: torch.zeros(responses)
        for name in ("logprobs", "ref_logprobs", "values", "advantages", "returns")
    }
    return Trajectory(
        prompt_ids=torch.zeros(prompts, dtype=torch.long),
        prompt_mask=torch.ones(prompts, dtype=torch.bool),
        response_ids=torch.zeros(responses, dtype=torch.long),
        response_mask=torch.ones(responses, dtype=torch.bool),
        **floats,
    )


@torch.no_grad()
def _measure_rollout(run: _Run, workload: Workload) -> tuple[int, int]:
    """Peaks of reading the prompts and of drawing the last token, on the gathered policy."""
    model, batch = run.policy.model.eval(), workload.generation_batch
    total = workload.prompt_tokens + workload.response_tokens
    options: dict[str, Any] = {"use_cache": True, "logits_to_keep": 1}
    with _counting(run) as count, gathered(model):
        prompt = torch.zeros(batch, workload.prompt_tokens, dtype=torch.long)
        model(input_ids=prompt, attention_mask=torch.ones_like(prompt), **options)
        prefill_peak = count.peak
    with _counting(run) as count, gathered(model):
        cache = _filled(model, batch, total - 1)
        token = torch.zeros(batch, 1, dtype=torch.long)
        mask = torch.ones(batch, total, dtype=torch.long)
        model(input_ids=token, attention_mask=mask, past_key_values=cache, **options)
        return prefill_peak, count.peak


def _filled(model: PreTrainedModel, batch: int, tokens: int) -> DynamicCache:
    """A key-value cache as it is after `tokens` tokens."""
    config: Any = model.config
    head_dim = config.hidden_size // config.num_attention_heads
    shape = (batch, config.num_key_value_heads, tokens, head_dim)
    cache = DynamicCache(config=config)
    for layer in range(config.num_hidden_layers):
        keys, values = (torch.zeros(shape, dtype=torch.bfloat16) for _ in range(2))
        cache.update(keys, values, layer)
    return cache


def _local_bytes(tensors: Iterable[Tensor]) -> int:
    local = (t._local_tensor if isinstance(t, DTensor) else t for t in tensors)
    return sum(t.untyped_storage().nbytes() for t in local)
