import hashlib
import logging

import pytest

from limr.data.rows import problems_from_rows
from limr.tables import Columns, prompt_id
from limr.types import Problem

GOOD = {"id": "a", "prompt": "1+1", "answer": "2"}


def load(*rows, **options):
    options = {"where": "table", "columns": Columns(), **options}
    return problems_from_rows(enumerate(rows, start=1), **options)


def test_columns_map_fields_and_leave_texts_as_they_are():
    row = {"key": 7, "question": " 1+1\n", "gold": "27.0", "topic": "sums", "hard": 3, "how": None}
    columns = Columns(
        id="key", prompt="question", answer="gold", family="topic", level="hard", solution="how"
    )
    assert load(row, columns=columns, id_prefix="x-") == [
        Problem(id="x-7", prompt=" 1+1\n", answer="27.0", family="sums", level="3", solution="")
    ]


@pytest.mark.parametrize(("answer", "text"), [(27, "27"), (27.0, "27.0"), (-0.5, "-0.5")])
def test_numbers_as_answers_become_their_text(answer, text):
    assert load({**GOOD, "answer": answer})[0].answer == text


def test_ids_from_prompts_are_sha256_of_the_stripped_text():
    problem = load({"prompt": " 1+1 ", "answer": "2"}, columns=Columns(id=None))[0]
    assert problem.id == hashlib.sha256(b"1+1").hexdigest()[:16] == prompt_id("1+1")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**GOOD, "prompt": "  "}, "prompt .* is empty"),
        ({**GOOD, "answer": ""}, "answer .* is empty"),
        ({**GOOD, "answer": None}, "answer .* is empty, expected text or a number"),
        ({**GOOD, "answer": []}, "answer .* is of type list"),
        ({**GOOD, "answer": ["2", 3]}, "answer .* is of type list"),
        ({**GOOD, "answer": True}, "answer .* is of type bool"),
        ({**GOOD, "answer": float("nan")}, "answer .* is nan"),
        ({**GOOD, "prompt": 3}, "prompt .* is of type int, expected text"),
        ({"id": "a", "prompt": "1+1"}, "no column 'answer'"),
        ({"prompt": "1+1", "answer": "2"}, "no column 'id' .* columns.id: null"),
        ("1+1", "is of type str, expected an object"),
    ],
)
def test_a_bad_row_is_refused_with_table_row_reason_and_remedy(row, reason):
    with pytest.raises(ValueError, match=rf"^table: 1 bad row\(s\): row 2: {reason}.*on_bad_row"):
        load({**GOOD, "id": "b"}, row)


def test_repeated_ids_and_repeated_prompts_without_ids_are_refused():
    with pytest.raises(ValueError, match="row 2: id 'a' was taken by row 1"):
        load(GOOD, {**GOOD, "prompt": "2+2"})
    assert len(load(GOOD, {**GOOD, "id": "b"})) == 2
    with pytest.raises(ValueError, match="row 2: same prompt as row 1"):
        load(GOOD, GOOD, columns=Columns(id=None))


def test_skipping_names_the_rows_left_out(caplog):
    bad = [{**GOOD, "answer": ""}] * 7
    with caplog.at_level(logging.WARNING):
        problems = load(*bad, GOOD, on_bad_row="skip")
    assert [p.id for p in problems] == ["a"]
    assert "table: skipped 7 bad row(s): row 1:" in caplog.text
    assert "row 5:" in caplog.text
    assert "row 6:" not in caplog.text
    assert "and 2 more" in caplog.text


def test_a_table_without_usable_rows_is_refused():
    with pytest.raises(ValueError, match="table holds no usable problem"):
        load()
    with pytest.raises(ValueError, match="table holds no usable problem"):
        load({**GOOD, "answer": ""}, on_bad_row="skip")


def test_a_list_of_answers_becomes_one_text():
    (problem,) = load({**GOOD, "answer": ["2", r"\frac12"]})
    assert problem.answer == r"2, \frac12"


def test_the_gold_may_stand_behind_a_mark():
    columns = Columns(answer_after="####")
    (problem,) = load({**GOOD, "answer": "1 + 1 = <<#### 3>>\n#### 1,234 "}, columns=columns)
    assert problem.answer == "1,234"


@pytest.mark.parametrize("answer", ["1 + 1 = 2", "1 + 1 = 2 ####  "])
def test_a_gold_without_its_mark_is_refused(answer):
    with pytest.raises(ValueError, match="row 1: nothing stands behind '####' in the answer"):
        load({**GOOD, "answer": answer}, columns=Columns(answer_after="####"))
