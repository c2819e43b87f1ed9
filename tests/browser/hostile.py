"""Texts that run a script on a page that takes them for HTML; a store and runs full of them."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
from mlflow import MlflowClient

from limr.tracking.deliveries import deliver_file
from limr.trajectories import TrajectoryRow, TrajectoryWriter, write_problems
from limr.types import Problem

HOSTILE = (
    "<script>window.__pwned = 1; alert(1)</script>",
    '"><img src=x onerror="window.__pwned = 1">',
    "</script></title></textarea></pre></td></svg><script>window.__pwned = 1</script>",
    "'-alert(1)-'<svg/onload=window.__pwned=1>",
    "javascript:window.__pwned=1//",
)


def write_store(folder: Path) -> None:
    """A trajectory store whose every text is hostile, from ids to responses."""
    write_problems(folder, [Problem(id=t, prompt=t, answer=t, family=t) for t in HOSTILE])
    writer = TrajectoryWriter(folder, HOSTILE[0])
    for epoch in range(3):
        rows = [
            TrajectoryRow(
                problem_id=text, sample=sample, score=1.0, status="correct", response_length=1,
                truncated=False, policy_version=epoch, answer=text, reason=text, response=text,
            )
            for text in HOSTILE
            for sample in range(2)
        ]  # fmt: skip
        writer.append(rows, epoch=epoch, step=epoch, rank=0)


def log_runs(url: str, experiment: str, folder: Path) -> str:
    """Two finished fits whose every text is hostile, names and arms too; their experiment's id.

    Args:
        url: An MLflow server's.
        experiment: To be made.
        folder: For the files while they are sent.
    """
    client = MlflowClient(url)
    experiment_id = client.create_experiment(experiment)
    for arm in HOSTILE[:2]:
        run = client.create_run(experiment_id, run_name=arm, tags={"arm": arm, "verb": "fit"}).info
        for step in (0, 4):
            rows = [_response(text, step, correct=step > 0 and arm != text) for text in HOSTILE]
            file = folder / f"fit-hostile-step{step:06d}.parquet"
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
            client.log_artifact(run.run_id, str(file), "responses")
        table = folder / "hostile.json"
        data = [[text] * 2 for text in HOSTILE]
        table.write_text(json.dumps({"columns": ["problem_id", "response"], "data": data}))
        row = {"path": str(table), "folder": "evaluation", "table": True}
        deliver_file(client, run.run_id, row)
        client.set_terminated(run.run_id)
    return experiment_id


def _response(text: str, step: int, *, correct: bool) -> dict[str, object]:
    names = ("benchmark", "problem_id", "family", "level", "prompt", "gold", "response", "reason")
    status = "correct" if correct else "wrong"
    verdict = {"answer": text, "status": status, "score": 1.0 if correct else -0.5}
    facts = {"step": step, "sample": 0, "length": 5, "truncated": False}
    return dict.fromkeys(names, text) | verdict | facts | {"benchmark": HOSTILE[0]}
