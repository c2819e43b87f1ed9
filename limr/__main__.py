"""`limr` and `python -m limr`: finds the verb, imports only what that verb needs."""

import sys
from importlib import import_module

from limr import __version__

_HELP = """\
usage: limr VERB [options]

Data-efficient reinforcement learning of language models on mathematics.

verbs:
  fit        train by PPO (or supervised) as a YAML file describes
  validate   measure a model on held-out problems and benchmarks
  verify     grade answers against gold answers, a JSONL file of them or one pair
  import     read other tools' rollouts into a trajectory store
  select     choose the problems worth training on, from trajectories or scores
  compare    set runs side by side: tables, figures, one HTML page
  browse     read a trajectory store in the browser: problems, curves, responses
  export     write a checkpoint's policy as a Hugging Face folder
  plan       a run's memory, steps and visits by arithmetic, nothing run

start here:
  limr fit --config experiments/quickstart.yaml
  limr validate --config experiments/quickstart.yaml \\
    --ckpt_path runs/quickstart/checkpoints/last.ckpt
  limr verify --gold '\\frac12' --prediction 0.5
  limr select --trajectories runs/quickstart/trajectories --fraction 0.2 --output lim.jsonl
  limr compare --experiment study --output report
  limr browse runs/quickstart/trajectories
  limr export --ckpt_path runs/quickstart/checkpoints/last.ckpt --output trained
  limr plan --config experiments/limr_qwen7b.yaml

look closer:
  limr fit --help                                    every option of trainer, model, data
  limr fit --model.help PPOModule                    what a class takes
  limr fit --config FILE --print_config              the run with every default filled in
  limr fit --config FILE --config OVERLAY --trainer.max_epochs 3
                                                     later files and flags win; lists are replaced
  limr --version
"""

_TRAINER_VERBS = ("fit", "validate")
"""Run by :mod:`limr.cli`, on Lightning's trainer."""

_PLAIN_VERBS = {
    "verify": "verify",
    "import": "importing",
    "select": "select",
    "compare": "compare",
    "browse": "browse",
    "export": "export",
    "plan": "plan",
}
"""Run by the module of this name in :mod:`limr.verbs`."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return the process's exit status (0 done, 1 failed, 2 misused)."""
    args = sys.argv[1:] if argv is None else argv
    verb = args[0] if args else "--help"
    if verb in ("-h", "--help", "help"):
        sys.stdout.write(_HELP)
        return 0
    if verb == "--version":
        sys.stdout.write(f"limr {__version__}\n")
        return 0
    if verb in _PLAIN_VERBS:
        return int(import_module(f"limr.verbs.{_PLAIN_VERBS[verb]}").main(args[1:]))
    if verb in _TRAINER_VERBS:
        from limr import cli

        return cli.run(args)
    known = ", ".join([*_TRAINER_VERBS, *_PLAIN_VERBS])
    sys.stderr.write(f"error: no verb {verb!r}; limr knows {known}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
