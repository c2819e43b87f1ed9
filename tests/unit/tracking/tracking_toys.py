import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader


class ToyModule(LightningModule):
    """One weight, logged once a step; `fail_at` raises `error` in that step."""

    def __init__(self, fail_at: int = -1, error: type[BaseException] = RuntimeError) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.fail_at = fail_at
        self.error = error

    def training_step(self, batch, batch_idx):
        if batch_idx == self.fail_at:
            raise self.error("asked for")
        self.log("toy/batch", float(batch_idx))
        return self.weight**2

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class ToyData(LightningDataModule):
    problems = ("a", "b", "c")

    def digest(self) -> str:
        return "d1ge57"

    def train_dataloader(self):
        return DataLoader(range(5), batch_size=None)
