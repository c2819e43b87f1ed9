import torch
from lightning.pytorch import LightningModule

from evaluators.identity import gather_objects, key_of, weights_digest


class Weights(LightningModule):
    def __init__(self, value, *, dtype=torch.float32, shape=(2, 3), name="a"):
        super().__init__()
        self.register_parameter(name, torch.nn.Parameter(torch.full(shape, value, dtype=dtype)))


def test_the_digest_tells_values_names_shapes_and_types_apart():
    variants = [
        Weights(1.0),
        Weights(2.0),
        Weights(1.0, dtype=torch.bfloat16),
        Weights(1.0, shape=(3, 2)),
        Weights(1.0, name="b"),
    ]
    assert len({weights_digest(module) for module in variants}) == len(variants)
    assert weights_digest(Weights(1.0)) == weights_digest(variants[0])


def test_a_view_counts_by_its_values():
    module = Weights(1.0)
    module.a = torch.nn.Parameter(torch.arange(6.0).reshape(3, 2).T)
    twin = Weights(1.0)
    twin.a = torch.nn.Parameter(module.a.detach().contiguous())
    assert weights_digest(module) == weights_digest(twin)


def test_an_empty_or_scalar_parameter_is_no_obstacle():
    assert weights_digest(Weights(1.0, shape=())) != weights_digest(Weights(1.0, shape=(0,)))


def test_a_key_does_not_depend_on_order():
    assert key_of({"a": 1, "b": {"c": 2}}) == key_of({"b": {"c": 2}, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_alone_there_is_one_to_gather():
    assert gather_objects("x") == ["x"]
