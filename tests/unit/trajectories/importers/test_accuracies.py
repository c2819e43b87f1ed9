import json
from collections import Counter

import pytest

from limr.trajectories.importers import read_accuracies


def write(folder, content):
    path = folder / "acc.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_accuracies_become_correct_and_wrong_responses(tmp_path):
    path = write(tmp_path, {"7": [0.25, None, 1], "8": [0.3333], "9": []})
    steps = dict(read_accuracies(path, samples=12))
    found = {
        step: Counter((row.problem_id, row.epoch, row.score, row.status) for row in rows)
        for step, rows in steps.items()
    }
    assert found == {
        0: {
            ("7", 0, 1.0, "correct"): 3,
            ("7", 0, 0.0, "wrong"): 9,
            ("8", 0, 1.0, "correct"): 4,
            ("8", 0, 0.0, "wrong"): 8,
        },
        1: {},
        2: {("7", 2, 1.0, "correct"): 12},
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"7": [0.5, 0.3]}, r"problem '7', epoch 1: 0\.3 is no share of 8 responses"),
        ({"7": [1.125]}, r"epoch 0: 1\.125 is no share"),
        ({"7": [-0.125]}, r"epoch 0: -0\.125 is no share"),
        ({"7": ["1"]}, r"epoch 0: '1' is no share"),
        ({"7": [True]}, r"epoch 0: True is no share"),
        ({"7": 0.5}, r"problem '7': found 0\.5, expected a list"),
        ([0.5], "holds one list, expected problem -> list"),
    ],
)
def test_malformed_accuracies_are_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=rf"acc\.json.*{message}"):
        list(read_accuracies(write(tmp_path, content), samples=8))


def test_what_is_no_json_is_named(tmp_path):
    path = tmp_path / "acc.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"acc\.json: Expecting"):
        list(read_accuracies(str(path), samples=8))


def test_there_is_at_least_one_sample(tmp_path):
    with pytest.raises(ValueError, match="samples must be >= 1"):
        list(read_accuracies(write(tmp_path, {}), samples=0))
