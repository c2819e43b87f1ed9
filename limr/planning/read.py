"""From a parsed run file to the planner's settings."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PretrainedConfig, Qwen2Config

from limr.models.loading import resolve_pretrained
from limr.planning.settings import Kind, Network, Placement, RunSettings, Workload

_DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_PRECISION_BYTES = {"64-true": 8, "32-true": 4, "bf16-mixed": 2, "bf16-true": 2}

_QWEN_7B: dict[str, Any] = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
}
KNOWN_ARCHITECTURES = {"Qwen/Qwen2.5-Math-7B": _QWEN_7B}
"""Qwen2 models that can be planned without their config.json."""


def read_settings(run: dict[str, Any]) -> RunSettings:
    """What memory depends on, out of a PPO run with every default filled in.

    Raises:
        ValueError: If it is no PPO run, or names a model, precision, strategy or number of devices
            that nothing is known about.
    """
    model = run["model"]
    if not model["class_path"].endswith("PPOModule"):
        raise ValueError(f"model: limr plan plans PPO runs, this one trains {model['class_path']}")
    args, data, trainer = model["init_args"], run["data"]["init_args"], run["trainer"]
    ppo, sampling = args["ppo"], args["sampling"]
    precision = str(trainer.get("precision") or "32-true")
    place = placement(trainer, precision)
    policy = _network(args["pretrained"], precision)
    critic = _network(args.get("critic") or args["pretrained"], precision)
    return RunSettings(
        policy=policy,
        critic=critic if ppo["estimator"] == "gae" else None,
        reference=ppo["kl_coef"] > 0,
        placement=place,
        workload=Workload(
            micro_batch=min(ppo["micro_batch_size"], -(-ppo["minibatch_size"] // place.ranks)),
            generation_batch=_generation_batch(args.get("engine"), data, sampling, place.ranks),
            prompt_tokens=data["max_prompt_tokens"],
            response_tokens=sampling["max_response_tokens"],
            entropy_gradient=ppo["entropy_coef"] > 0,
        ),
        optimizer_states=optimizer_states(args["optimizer"]),
    )


def read_architecture(name: str, revision: str | None = None) -> PretrainedConfig:
    """A model's config.json, from a folder or the local cache; without network.

    Raises:
        ValueError: If it is in neither, and not among `KNOWN_ARCHITECTURES`.
    """
    try:
        found: PretrainedConfig = AutoConfig.from_pretrained(
            resolve_pretrained(name), revision=revision, local_files_only=True
        )
        return found
    except OSError as error:
        if name in KNOWN_ARCHITECTURES:
            return Qwen2Config(**KNOWN_ARCHITECTURES[name])
        raise ValueError(
            f"pretrained.name: the config.json of {name!r} is not on this machine; put it into a "
            "folder and add --model.init_args.pretrained.name FOLDER"
        ) from error


def placement(trainer: dict[str, Any], precision: str) -> Placement:
    """Strategy, number of ranks and precision.

    Raises:
        ValueError: If any of them is not known.
    """
    if precision not in _PRECISION_BYTES:
        known = ", ".join(_PRECISION_BYTES)
        raise ValueError(f"trainer.precision: cannot plan {precision}, only {known}")
    devices = trainer.get("devices")
    ranks = len(devices) if isinstance(devices, list) else devices
    if not str(ranks).isdigit() or int(str(ranks)) < 1:
        raise ValueError(f"trainer.devices: {devices!r} is no number; add --trainer.devices N")
    ranks = int(str(ranks)) * (trainer.get("num_nodes") or 1)
    strategy: Any = trainer.get("strategy") or "auto"
    named: bool = isinstance(strategy, str)
    name = (strategy if named else strategy["class_path"].rpartition(".")[2]).lower()
    options = {} if named else strategy.get("init_args") or {}
    return Placement(
        kind=_kind(name, options, ranks),
        ranks=ranks,
        compute_bytes=_PRECISION_BYTES[precision],
        offload_optimizer=bool(options.get("offload_optimizer")) or "offload" in name,
        offload_parameters=bool(options.get("offload_parameters")) or name.endswith("3_offload"),
    )


def _kind(name: str, options: dict[str, Any], ranks: int) -> Kind:
    if "deepspeed" in name:
        stage = next((s for s in (1, 2, 3) if f"stage_{s}" in name), options.get("stage", 2))
        if stage in (2, 3):
            return "zero2" if stage == 2 else "zero3"
    if name in ("fsdp2", "modelparallelstrategy"):
        return "fsdp2"
    if name in ("auto", "singledevicestrategy") and ranks == 1:
        return "single"
    if name == "auto" or name.startswith("ddp"):
        return "ddp"
    raise ValueError(
        f"trainer.strategy: cannot plan {name}, only one device, ddp, FSDP2 and DeepSpeed stage 2 "
        "or 3"
    )


def _network(pretrained: dict[str, Any], precision: str) -> Network:
    kept = 2 if precision == "bf16-true" else _DTYPE_BYTES[pretrained["dtype"]]
    return Network(
        config=read_architecture(pretrained["name"], pretrained.get("revision")),
        weight_bytes=kept,
        checkpointing=pretrained["gradient_checkpointing"],
    )


def _generation_batch(
    engine: dict[str, Any] | None, data: dict[str, Any], sampling: dict[str, Any], ranks: int
) -> int:
    """Responses at a time on one rank; None is transformers' engine with its default batch."""
    most = -(-data["rollout_batch_size"] // ranks) * int(sampling["samples_per_prompt"])
    if engine and not engine["class_path"].endswith("TransformersEngine"):
        raise ValueError(f"model.engine: cannot plan the memory of {engine['class_path']}")
    batch: int = (engine or {}).get("init_args", {}).get("batch_size", 256)
    return int(min(batch, most))


def optimizer_states(optimizer: Any) -> int:
    """Numbers that an optimizer keeps for each weight, counted after a step of its own."""
    if not isinstance(optimizer, dict):  # limr's default, AdamW
        return 2
    module, _, name = optimizer["class_path"].rpartition(".")
    weight = torch.nn.Parameter(torch.zeros(8, 8))
    weight.grad = torch.ones_like(weight)
    options = {"lr": 1e-3, **(optimizer.get("init_args") or {})}
    stepped = getattr(import_module(module), name)([weight], **options)
    stepped.step()
    held = [x for x in stepped.state[weight].values() if isinstance(x, torch.Tensor)]
    return int(sum(x.numel() for x in held) // weight.numel())


def count_problems(data: dict[str, Any], given: int | None) -> int | None:
    """Training problems: as given, drawn or counted in the data's own files; else None."""
    if given is not None:
        return given
    if data.get("num_problems"):
        return int(data["num_problems"])
    source = data["problems"]
    options = source.get("init_args") or {}
    if data.get("ids_file"):
        path = Path(data["ids_file"])
        return len(path.read_text(encoding="utf-8").split("\n")) - 1 if path.is_file() else None
    if source["class_path"].endswith("GeneratedProblems"):
        return int(options["size"])
    if source["class_path"].endswith("FileProblems") and Path(options["path"]).is_file():
        module, _, name = source["class_path"].rpartition(".")
        return len(_file_problems(module, name, options).load())
    return None


def _file_problems(module: str, name: str, options: dict[str, Any]) -> Any:
    from limr.data import Columns

    columns = options.get("columns")
    arguments = {**options, "columns": Columns(**columns)} if columns else options
    return getattr(import_module(module), name)(**arguments)
