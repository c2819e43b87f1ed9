"""``limr export``: a checkpoint's policy as a Hugging Face folder."""

import sys
from typing import Literal

from limr.mistakes import OneLineParser, in_one_line

_USAGE = "limr export --ckpt_path CHECKPOINT --output FOLDER [options]"

_DESCRIPTION = """\
The policy of a checkpoint as a Hugging Face folder (safetensors, configuration, tokenizer) that
transformers and vLLM load. Reads what every strategy saves: one file, the folder of FSDP2's ranks,
DeepSpeed's (needs deepspeed). Needs no GPU, and memory for the policy alone.
"""


def main(args: list[str]) -> int:
    """Run the verb on its arguments; the process's exit status."""
    given = build_parser().parse_args(args)

    def work() -> None:
        from transformers.utils.logging import disable_progress_bar

        from limr.training.export import export_checkpoint

        disable_progress_bar()
        parameters = export_checkpoint(
            given.ckpt_path,
            given.output,
            pretrained=given.pretrained,
            dtype=given.dtype,
            overwrite=given.overwrite,
        )
        sys.stdout.write(f"exported {parameters / 1e6:.1f} M parameters: {given.output}\n")

    return in_one_line(work)


def build_parser() -> OneLineParser:
    """The flags."""
    parser = OneLineParser(prog="limr export", usage=_USAGE, description=_DESCRIPTION)
    add = parser.add_argument
    add("--ckpt_path", type=str, required=True, metavar="CHECKPOINT", help="file or folder")
    add("--output", type=str, required=True, metavar="FOLDER", help="new or empty")
    add(
        "--pretrained",
        type=str | None,
        metavar="NAME",
        help="where configuration and tokenizer come from; left out: the run's own starting point",
    )
    add(
        "--dtype",
        type=Literal["float32", "bfloat16", "float16"] | None,
        help="of the weights; left out: as in the checkpoint (from DeepSpeed float32)",
    )
    add("--overwrite", action="store_true", help="replace a model in FOLDER; other files stay")
    return parser
