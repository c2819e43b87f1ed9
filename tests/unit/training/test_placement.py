import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy

from limr.training import FSDP2
from limr.training.placement import mixed_precision, prepare_trainer


def trainer(tmp_path, **options):
    quiet = {"logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
    return Trainer(default_root_dir=tmp_path, **quiet, **options)


def test_an_unsupported_precision_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"trainer\.precision: 16-true is not supported; use one"):
        prepare_trainer(trainer(tmp_path, precision="16-true"), 1.0)


def test_tensor_parallelism_is_refused_with_what_to_use(tmp_path):
    strategy = ModelParallelStrategy(data_parallel_size=1, tensor_parallel_size=2)
    with pytest.raises(ValueError, match="tensor parallelism is not supported; use limr"):
        prepare_trainer(trainer(tmp_path, strategy=strategy, devices=2), 1.0)


def test_our_own_sharding_is_accepted(tmp_path):
    prepare_trainer(trainer(tmp_path, strategy=FSDP2(), devices=2), 1.0)


def test_mixed_precision_computes_in_bfloat16_and_reduces_in_float32():
    policy = mixed_precision("bf16-mixed")
    assert (str(policy.param_dtype), str(policy.reduce_dtype)) == (
        "torch.bfloat16",
        "torch.float32",
    )
    assert mixed_precision("32-true") is None
    assert mixed_precision("bf16-true") is None
