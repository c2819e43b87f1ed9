"""``limr plan``: what a run takes, before it runs."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from limr.mistakes import in_one_line

_USAGE = "limr plan --config FILE [--config OVERLAY ...] [--key value ...] [options]"

_DESCRIPTION = """\
A PPO run's memory on each GPU, its optimizer steps and its visits of each problem, by arithmetic:
no weights are read, nothing is downloaded. Takes what `limr fit` takes, and the options below.
Exit status: 0 it fits, 1 it does not or cannot be planned, 2 a mistake in the arguments.
"""


def main(args: list[str]) -> int:
    """Run the verb on its arguments; the process's exit status."""
    parser = ArgumentParser(
        prog="limr plan",
        usage=_USAGE,
        description=_DESCRIPTION,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--gpu_memory", type=float, default=80.0, metavar="GIB", help="of one GPU (default: 80)")
    add("--problems", type=int, metavar="N", help="training problems, where files are not here")
    add("--json", action="store_true", help="print JSON, sizes in bytes")
    given, run_args = parser.parse_known_args(args)
    fits = True

    def work() -> None:
        nonlocal fits
        fits = _plan(run_args, given.gpu_memory, given.problems, as_json=given.json)

    return in_one_line(work) or int(not fits)


def _plan(run_args: list[str], gpu_memory: float, problems: int | None, *, as_json: bool) -> bool:
    from limr.cli import parse_fit
    from limr.planning.memory import checkpoint_bytes, plan_memory
    from limr.planning.read import count_problems, read_settings
    from limr.planning.sizes import count_critic, count_policy
    from limr.planning.steps import plan_length
    from limr.planning.text import GIB, plan_data, plan_text

    run = parse_fit(run_args)
    settings = read_settings(run)
    ranks = settings.placement.ranks
    policy = count_policy(settings.policy.config, ranks)
    critic = count_critic(settings.critic.config, ranks) if settings.critic else None
    memory = plan_memory(settings, policy, critic)
    length = plan_length(run, count_problems(run["data"]["init_args"], problems))
    checkpoint = checkpoint_bytes(settings, policy, critic)
    if as_json:
        text = json.dumps(plan_data(policy, critic, memory, length, checkpoint), indent=2) + "\n"
    else:
        text = plan_text(settings, memory, length, gpu_memory)
        text += f"one checkpoint        {checkpoint / GIB:10.1f} GiB\n"
    sys.stdout.write(text)
    return memory.peak <= gpu_memory * GIB
