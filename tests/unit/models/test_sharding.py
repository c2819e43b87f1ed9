import pytest
from torch import nn

from limr.models import Critic, Pretrained
from limr.models.loading import load_backbone, load_causal_lm
from limr.models.sharding import decoder_layers, gathered, whole_state_dict

TINY = Pretrained(name="embedded:tiny-base")


def test_the_layers_of_policy_and_critic_are_found():
    assert len(decoder_layers(load_causal_lm(TINY))) == 3
    assert len(decoder_layers(Critic(load_backbone(TINY)))) == 3


def test_a_network_without_declared_layers_is_refused():
    with pytest.raises(ValueError, match="Linear declares no transformer blocks"):
        decoder_layers(nn.Linear(2, 2))


def test_a_network_that_is_not_sharded_stays_as_it_is():
    model = load_causal_lm(TINY)
    with gathered(model):
        weights = whole_state_dict(model)
    assert weights.keys() == model.state_dict().keys()
