"""At which step a run goes on, from whatever moment its checkpoint was saved at."""

from typing import Any

from lightning.pytorch import Trainer


def settle_epoch(checkpoint: dict[str, Any], trainer: Trainer) -> None:
    """Change a checkpoint that does not lie within an epoch so that Lightning resumes exactly.

    A checkpoint of an epoch's last batch (`every_n_train_steps`) or of its end then lies between
    two epochs. Left to itself Lightning takes the steps of a longer next epoch for done, forgets to
    count that epoch, so that a second resume repeats steps, and under `max_steps` begins the next
    epoch inside the old one. A checkpoint of a run that `max_steps` ended within an epoch lies
    there again, so that more steps go on with it. Others stay as they are: before the first step,
    within an epoch, and after the validation at its end. (The validation that follows a last batch
    is not made up for.)

    Args:
        checkpoint: As Lightning hands it to `on_load_checkpoint`.
        trainer: That will resume.
    """
    fit = checkpoint["loops"]["fit_loop"]
    epochs, batches = fit["epoch_progress"], fit["epoch_loop.batch_progress"]
    epoch_end = epochs["total"]["processed"] == epochs["total"]["started"] > 0
    batch_end = batches["total"]["completed"] < batches["total"]["processed"]
    if epoch_end and not batches["is_last_batch"]:
        for count in (epochs["total"], epochs["current"]):
            count["processed"] = count["completed"] = count["started"] - 1
    elif batches["is_last_batch"] and (epoch_end or batch_end):
        for count in (epochs["total"], epochs["current"]):
            count |= dict.fromkeys(count, count["started"])
        batches["total"] |= dict.fromkeys(batches["total"], batches["total"]["processed"])
        batches["current"] |= dict.fromkeys(batches["current"], 0)
        batches["is_last_batch"] = False
        # what loggers count; Lightning adds the batch whose validation it believes to skip
        epoch, steps = epochs["current"]["started"], batches["total"]["processed"]
        again = _takes_validation_for_due(trainer, epoch, steps)
        fit["epoch_loop.state_dict"]["_batches_that_stepped"] += batch_end - again


def _takes_validation_for_due(trainer: Trainer, epoch: int, steps: int) -> bool:
    if trainer.max_steps == -1 or not trainer.enable_validation:
        return False
    if trainer.check_val_every_n_epoch is None:  # validation counts steps over all epochs
        interval = trainer.val_check_interval
        return isinstance(interval, int) and steps % interval == 0
    return (epoch + 1) % trainer.check_val_every_n_epoch == 0
