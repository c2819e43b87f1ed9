import json
from pathlib import Path

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
