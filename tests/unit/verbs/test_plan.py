import json
from pathlib import Path

import pytest

from limr.verbs.plan import main

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


def test_a_small_gpu_is_refused_with_what_would_help(capsys):
    args = ["--config", str(EXPERIMENTS / "limr_qwen7b.yaml"), "--problems", "1389"]
    assert main([*args, "--gpu_memory", "40"]) == 1
    text = capsys.readouterr().out
    assert "DOES NOT FIT into 40.0 GiB" in text
    assert "engine.init_args.batch_size" in text
    assert main([*args, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["weights"]["policy"] == 7_615_616_512
    assert plan["length"]["optimizer_steps"] == 130 * 32


@pytest.mark.parametrize(
    "overlay", ["one_cpu", "ddp", "fsdp2", "multi_node", "single_gpu", "zero2", "zero3_offload"]
)
def test_every_strategy_can_be_planned(overlay, capsys):
    files = ["quickstart.yaml", f"trainer/{overlay}.yaml"]
    args = [arg for name in files for arg in ("--config", str(EXPERIMENTS / name))]
    assert main([*args, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["weights"]["policy"] == 367_680
    assert plan["length"]["rollouts"] == 36
