"""The plan of a run beside what fake tensors measure.

python -m benchmarks.plan --config FILE [--key value ...]
"""

import sys

from benchmarks.fake_run import measure
from limr.cli import parse_fit
from limr.planning.memory import plan_memory
from limr.planning.read import read_settings
from limr.planning.sizes import count_critic, count_policy
from limr.planning.text import GIB


def main(args: list[str]) -> None:
    """Print the table of one FSDP2 run in bf16-mixed with a critic; arguments as of `limr fit`."""
    run = read_settings(parse_fit(args))
    assert run.critic is not None
    ranks = run.placement.ranks
    plan = plan_memory(
        run, count_policy(run.policy.config, ranks), count_critic(run.critic.config, ranks)
    )
    found = measure(run)
    rows = {
        name: (getattr(plan, name), getattr(found, name))
        for name in ("parameters", "gradients", "optimizer", "reference", "update_peak")
    }
    rows["rollout_peak"] = plan.rollout_peak, max(found.prefill_peak, found.decode_peak)
    lines = ["| GiB on each GPU | plan | measured |", "|---|---|---|"]
    for name, (planned, measured) in rows.items():
        label = name.replace("_", " ")
        lines.append(f"| {label} | {planned / GIB:.1f} | {measured / GIB:.1f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
