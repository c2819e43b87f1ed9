"""What each of two spawned processes runs; imports little, for every process pays for it."""

import torch
import torch.distributed as dist

from limr.rl.masking import whiten


def summed_over_ranks(partial):
    dist.all_reduce(partial)
    return partial


def whiten_a_share(rank, folder):
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    x, mask = torch.load(f"{folder}/batch.pt")
    rows = [slice(0, 2), slice(2, None)][rank]
    torch.save(
        [
            whiten(x[rows], mask[rows], reduce=summed_over_ranks),
            whiten(x[rows], mask[rows] & (rank == 1), reduce=summed_over_ranks),
        ],
        f"{folder}/rank{rank}.pt",
    )
    dist.destroy_process_group()
