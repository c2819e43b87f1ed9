import io

import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from torch.utils.data import DataLoader

from limr.training.progress import PPOProgress, format_cell, format_seconds, total_steps

PPO_METRICS = {
    "reward/score_mean": -0.25,
    "reward/correct": 0.5,
    "response/length": 34.5,
    "time/tokens_per_s": 1234.0,
}


class PPOLike(LightningModule):
    """Logs what PPO logs and takes three optimizer steps per batch, as PPO does."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.ones(()))

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        for _ in range(3):
            optimizer.zero_grad()
            self.manual_backward(self.weight**2)
            optimizer.step()
        self.log_dict(PPO_METRICS)

    def validation_step(self, batch, batch_idx):
        return None

    def on_validation_epoch_end(self):
        self.print("a table")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def train_dataloader(self):
        return DataLoader(range(5), batch_size=None)

    def val_dataloader(self):
        return DataLoader(range(3), batch_size=None)


class Supervised(PPOLike):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = True

    def training_step(self, batch, batch_idx):
        loss = self.weight * 0 + 2.5
        self.log("supervised/loss", loss)
        return loss


def make_trainer(progress, **kwargs):
    arguments = {"max_epochs": 2, "num_sanity_val_steps": 0, "limit_val_batches": 0, **kwargs}
    return Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[progress],
        enable_checkpointing=False,
        enable_model_summary=False,
        **arguments,
    )


def test_plain_lines_are_aligned_and_complete(capsys):
    make_trainer(PPOProgress()).fit(PPOLike())
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == [
        *("step", "epoch", "reward", "correct", "length", "kl", "tokens/s", "left"),
    ]
    assert len(lines) == 10
    assert {len(line) for line in lines} == {len(header)}
    assert len(header) < 80
    assert lines[0].split()[:7] == ["1/10", "1/2", "-0.250", "50.0%", "34.5", "-", "1234"]
    assert lines[-1].split()[:2] == ["10/10", "2/2"]
    assert lines[-1].split()[-1] == "0:00"


def test_every_n_steps_keeps_the_first_and_the_last(capsys):
    make_trainer(PPOProgress(every_n_steps=4)).fit(PPOLike())
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["1/10", "4/10", "8/10", "10/10"]


def test_max_steps_is_counted_in_batches(capsys):
    make_trainer(PPOProgress(), max_steps=12, max_epochs=-1).fit(PPOLike())
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["1/4", "2/4", "3/4", "4/4"]


def test_supervised_runs_show_their_loss(capsys):
    make_trainer(PPOProgress(), max_epochs=1).fit(Supervised())
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["step", "epoch", "loss", "left"]
    assert first.split()[2] == "2.5000"


def test_validation_is_announced_and_prints_between_lines(capsys):
    make_trainer(PPOProgress(), max_epochs=1, limit_val_batches=2).fit(PPOLike())
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["validating, 2 batches", "a table"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_one_line_that_updates(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    make_trainer(PPOProgress(), max_epochs=1, limit_val_batches=2).fit(PPOLike())
    screen = terminal.getvalue()
    assert "validating 2/2" in screen
    # every update starts at the left edge; what stays: header, table, last line
    kept = [line.split("\r")[-1].strip() for line in screen.split("\n")]
    kept = [line for line in kept if line]
    assert [line.split()[0] for line in kept] == ["step", "a", "5/5"]


def test_validate_alone_counts_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    make_trainer(PPOProgress(), limit_val_batches=3).validate(PPOLike(), verbose=False)
    assert "validating 3/3" in terminal.getvalue()


def test_it_replaces_lightnings_bar():
    progress = PPOProgress()
    assert make_trainer(progress).progress_bar_callback is progress


def test_disabled_it_says_nothing(capsys):
    progress = PPOProgress()
    progress.disable()
    make_trainer(progress).fit(Supervised())
    assert capsys.readouterr().out == ""


def test_a_wrong_interval_is_refused():
    with pytest.raises(ValueError, match="every_n_steps must be >= 1, got 0"):
        PPOProgress(every_n_steps=0)


@pytest.mark.parametrize(
    ("by_epochs", "max_steps", "expected"),
    [
        (200, -1, 200),
        (200, 1000, 125),  # 8 optimizer steps a batch so far
        (50, 1000, 50),
        (None, 1001, 126),
        (None, -1, None),
    ],
)
def test_total_steps(by_epochs, max_steps, expected):
    total = total_steps(step=10, optimizer_steps=80, by_epochs=by_epochs, max_steps=max_steps)
    assert total == expected


class Planned(LightningDataModule):
    """Knows that the second epoch is shorter, or does not know."""

    def __init__(self, rollouts):
        super().__init__()
        self.rollouts = rollouts

    def planned_rollouts(self):
        return self.rollouts

    def train_dataloader(self):
        return DataLoader(range(5), batch_size=None)

    val_dataloader = train_dataloader


@pytest.mark.parametrize(("rollouts", "shown"), [(7, "1/7"), (None, "1")])
def test_the_data_knows_best_how_long_the_run_is(capsys, rollouts, shown):
    make_trainer(PPOProgress(), max_epochs=1).fit(PPOLike(), datamodule=Planned(rollouts))
    assert capsys.readouterr().out.splitlines()[1].split()[0] == shown


@pytest.mark.parametrize("limits", [{"max_epochs": -1, "max_steps": 6}, {"max_epochs": 1}])
def test_the_end_may_be_given_by_steps_or_epochs(capsys, limits):
    make_trainer(PPOProgress(), **limits).fit(PPOLike())
    shown = capsys.readouterr().out.splitlines()[1].split()[0]
    assert shown == ("1/5" if limits["max_epochs"] == 1 else "1/2")  # three updates a batch


def test_cells():
    assert format_cell(1.5, "7.3f") == "  1.500"
    assert format_cell(None, "7.3f") == "      -"
    assert format_seconds(59.4) == "0:59"
    assert format_seconds(36061) == "10:01:01"
