from types import SimpleNamespace

import pytest
from jsonargparse import ArgumentParser

from limr.data import MathDataModule, Resampling
from limr.selection import LIM, MeanBand


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of threshold, top_k, fraction, got None"),
        ({"threshold": 0.6, "top_k": 3}, "exactly one of threshold, top_k, fraction, got {"),
        ({"top_k": 0}, "top_k must be >= 1, got 0"),
        ({"fraction": 0.0}, r"fraction must be in \(0, 1\], got 0.0"),
        ({"fraction": 1.5}, r"fraction must be in \(0, 1\], got 1.5"),
        ({"top_k": 3, "warmup_epochs": 0}, "warmup_epochs must be >= 1, got 0"),
        ({"top_k": 3, "every_n_epochs": 0}, "every_n_epochs must be >= 1, got 0"),
        ({"top_k": 3, "exploration": 1.0}, r"exploration must be in \[0, 1\), got 1.0"),
        ({"top_k": 3, "exploration": -0.1}, r"exploration must be in \[0, 1\), got -0.1"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Resampling(**options)


def test_a_yaml_names_it_by_class_path():
    parser = ArgumentParser()
    parser.add_argument("--resampling", type=Resampling)
    for selector, expected in (
        ({}, LIM(missing="ignore")),
        (
            {"selector": {"class_path": "limr.selection.MeanBand"}},
            MeanBand(),
        ),
    ):
        init_args = {"fraction": 0.2, **selector}
        config = {"class_path": "limr.data.Resampling", "init_args": init_args}
        parsed = parser.instantiate(parser.parse_object({"resampling": config}))
        assert parsed.resampling.selector == expected
        assert parsed.resampling.rule == {"fraction": 0.2}


def trainer(**options):
    defaults = {
        "max_epochs": 4,
        "limit_train_batches": 1.0,
        "world_size": 1,
        "num_training_batches": 7,
    }
    return SimpleNamespace(**{**defaults, **options})


def planned(rule, **options):
    resampling = Resampling(warmup_epochs=2, **rule)
    return resampling.planned_rollouts(
        trainer(**options), 50, rollout_batch_size=8, coverage="exact"
    )


@pytest.mark.parametrize(
    ("rule", "options", "rollouts"),
    [
        # 50 problems in steps of 8: 7 an epoch; later 10 + 4 = 14 or, without exploration, 10
        ({"top_k": 10}, {}, 7 + 7 + 2 + 2),
        ({"fraction": 0.2}, {}, 7 + 7 + 2 + 2),
        ({"fraction": 0.2, "exploration": 0.0}, {"max_epochs": 3}, 7 + 7 + 2),
        ({"fraction": 1.0}, {}, 4 * 7),
        ({"top_k": 10}, {"max_epochs": 1}, 7),
        ({"top_k": 10}, {"limit_train_batches": 3}, 3 + 3 + 2 + 2),
        ({"top_k": 10}, {"limit_train_batches": 0.5}, 3 + 3 + 1 + 1),
        ({"threshold": 0.5}, {}, None),
    ],
)
def test_the_number_of_rollouts_is_known_beforehand_but_for_a_threshold(rule, options, rollouts):
    assert planned(rule, **options) == rollouts


@pytest.mark.parametrize(("epochs", "rollouts"), [(3, 21), (-1, None)])
def test_without_resampling_all_epochs_are_as_long(tokenizer, epochs, rollouts):
    data = MathDataModule(None)
    data.trainer = trainer(max_epochs=epochs)
    assert data.planned_rollouts() == rollouts


def test_the_selections_come_back_from_a_checkpoint():
    before, after = Resampling(top_k=1), Resampling(top_k=1)
    before.history = [(1, ["a"]), (2, ["b"])]
    after.load_state_dict(before.state_dict())
    assert after.history == before.history
