import json

import pytest
import torch
from graded_toys import GradedModule, graded
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger

from evaluators import Evaluation
from evaluators.callback import in_order
from evaluators.responses import read_responses

WEAK = [[graded(["wrong"] * 4)], [graded(["malformed", "wrong"], benchmark="hard")]]
STRONG = [
    [graded(["correct", "correct", "correct", "wrong"])],
    [graded(["wrong", "correct"], benchmark="hard")],
]


class MemoryLogger(CSVLogger):
    """Keeps what is logged, and still writes it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.logged = []

    def log_metrics(self, metrics, step=None):
        self.logged.append((step, dict(metrics)))
        super().log_metrics(metrics, step)

    def accuracies(self, benchmark):
        name = f"val/{benchmark}/accuracy"
        return [(step, metrics[name]) for step, metrics in self.logged if name in metrics]


def make_trainer(folder, **kwargs):
    logger = MemoryLogger(folder)
    evaluation = Evaluation(dirpath=str(folder / "responses"))
    arguments = {
        "max_epochs": 2,
        "num_sanity_val_steps": -1,
        "log_every_n_steps": 1,
        "enable_checkpointing": False,
        **kwargs,
    }
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=logger,
        callbacks=[evaluation],
        enable_progress_bar=False,
        enable_model_summary=False,
        **arguments,
    )
    return trainer, evaluation, logger


def test_fit_measures_before_and_after(tmp_path, capsys):
    trainer, _, logger = make_trainer(tmp_path)
    trainer.fit(GradedModule([WEAK, STRONG]))

    assert logger.accuracies("easy") == [(0, 0.0), (2, 0.75), (4, 0.75)]
    assert logger.accuracies("hard") == [(0, 0.0), (2, 0.5), (4, 0.5)]
    step0 = dict(logger.logged[0][1])
    assert step0["val/hard/format_rate"] == 0.5
    assert step0["val/easy/response_length"] == 4.0
    assert trainer.callback_metrics["val/easy/accuracy"] == 0.75

    out = capsys.readouterr().out
    assert out.count("validation at step") == 3
    tail = out[out.index("before and after training") :].splitlines()
    assert tail[2].split()[:3] == ["easy", "4", "0.0"]
    assert tail[2].split()[-3] == "+75.0"
    assert "at step 4" in tail[1]


def test_every_response_is_kept(tmp_path):
    trainer, _, _ = make_trainer(tmp_path)
    trainer.fit(GradedModule([WEAK, STRONG]))
    folder = tmp_path / "responses"
    stems = [f"fit-{name}-step00000{step}" for name in ("easy", "hard") for step in (0, 2, 4)]
    assert sorted(path.name for path in folder.glob("*.*")) == [f"{stem}.parquet" for stem in stems]
    rows, _ = read_responses(folder / "fit-easy-step000004.parquet")
    assert [row["status"] for row in rows] == ["correct", "correct", "correct", "wrong"]
    assert {row["step"] for row in rows} == {4}

    tables = {path.stem: json.loads(path.read_text()) for path in (folder / "_tables").iterdir()}
    assert sorted(tables) == sorted([*stems, *(f"fit-step00000{step}" for step in (0, 2, 4))])
    shown = tables["fit-easy-step000004"]
    assert [dict(zip(shown["columns"], row, strict=True))["status"] for row in shown["data"]] == [
        row["status"] for row in rows
    ]
    measures = tables["fit-step000004"]
    assert measures["columns"][:4] == ["benchmark", "questions", "responses", "measure"]
    assert ["easy", 4, 4, "accuracy", 0.75] in [row[:5] for row in measures["data"]]


def test_a_partial_sanity_check_is_no_measurement(tmp_path, capsys):
    trainer, evaluation, logger = make_trainer(tmp_path, num_sanity_val_steps=1)
    trainer.fit(GradedModule([WEAK, STRONG]))
    assert [step for step, _ in logger.accuracies("easy")] == [2, 4]
    assert evaluation.before is None
    assert "before and after" not in capsys.readouterr().out


def test_a_resumed_fit_remembers_before(tmp_path, capsys):
    trainer, _, _ = make_trainer(tmp_path, max_epochs=1)
    trainer.fit(GradedModule([WEAK, STRONG]))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    capsys.readouterr()

    trainer, _, logger = make_trainer(tmp_path / "again")
    trainer.fit(GradedModule([STRONG]), ckpt_path=tmp_path / "last.ckpt")
    assert logger.accuracies("easy")[-1] == (4, 0.75)
    assert 0 not in dict(logger.accuracies("easy"))
    table = capsys.readouterr().out.split("before and after training\n")[1].splitlines()
    assert table[1].split()[-3] == "+75.0"


def test_validate_reports_groups_at_the_checkpoints_step(tmp_path, capsys):
    trainer, _, _ = make_trainer(tmp_path)
    trainer.fit(GradedModule([WEAK]))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    capsys.readouterr()

    script = [
        [
            graded(["correct", "correct", "wrong"], families=["sums", "sums", "products"]),
            graded(["wrong"], ids=["p9"], families=["products"], levels=["10"]),
        ]
    ]
    trainer, _, logger = make_trainer(tmp_path / "again")
    (results,) = trainer.validate(GradedModule([script]), ckpt_path=tmp_path / "last.ckpt")
    assert results == {}  # logged directly, at the step below
    assert logger.accuracies("easy") == [(4, 0.5)]
    assert trainer.callback_metrics["val/easy/accuracy"] == 0.5
    assert (tmp_path / "again/responses/validate-easy-step000004.parquet").exists()

    lines = capsys.readouterr().out.splitlines()
    start = lines.index("validation at step 4")
    cells = [line.split()[:4] for line in lines[start + 2 : start + 6]]
    assert cells[0][:3] == ["easy", "4", "50.0"]
    assert cells[1] == ["family", "products", "2", "0.0"]
    assert cells[2] == ["family", "sums", "2", "100.0"]
    assert cells[3] == ["level", "10", "1", "0.0"]
    assert "Validate metric" not in "\n".join(lines)  # Lightning's own table stays out


def test_unjudged_responses_are_pointed_out(tmp_path, capsys):
    trainer, _, _ = make_trainer(tmp_path)
    trainer.validate(GradedModule([[[graded(["timeout", "error", "correct", "timeout"])]]]))
    assert (
        "3 of 4 responses could not be judged (error 1, timeout 2): not correct"
        in capsys.readouterr().out
    )


def test_other_outputs_are_refused(tmp_path):
    class Wrong(GradedModule):
        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            return torch.zeros(())

    trainer, _, _ = make_trainer(tmp_path)
    with pytest.raises(TypeError, match=r"Wrong\.validation_step must return GradedResponses"):
        trainer.validate(Wrong([WEAK]))


def test_rows_of_all_ranks_come_in_the_order_of_questions_and_samples():
    def rows(*questions):
        return [{"q": q, "sample": sample} for q in questions for sample in range(2)]

    parts = [rows(0, 3, 6), rows(1, 4), rows(2, 5)]
    assert in_order(parts) == rows(0, 1, 2, 3, 4, 5, 6)
