import json

import pytest

from limr.mistakes import in_one_line, plain, raised_by_limr
from limr.verifier import VerifierPool


def test_a_nested_report_becomes_the_path_of_keys_and_the_fact():
    report = """Parser key "model":
  Does not validate against any of the Union subtypes
  Subtypes: [<class 'LightningModule'>, <class 'NoneType'>]
  Errors:
    - Problem with given class_path 'limr.training.PPOModule':
        Parser key "ppo.clip_range":
          Expected a <class 'float'>. Got value: wide
    - Expected a <class 'NoneType'>
  Given value type: <class 'dict'>
  Given value: {'ppo': {'clip_range': 'wide'}}"""
    assert plain(report) == "model.ppo.clip_range: Expected a <class 'float'>. Got value: wide"


def test_a_librarys_own_error_keeps_its_traceback():
    # json's frame is the innermost; a cause that was never raised has no frames
    with pytest.raises(ValueError) as info:  # noqa: PT011 - any of json's
        json.loads("{")
    info.value.__cause__ = OSError("never raised")
    assert not raised_by_limr(info.value)


def test_limrs_refusal_is_one_line_and_status_1(capsys):
    assert in_one_line(lambda: VerifierPool(workers=0)) == 1
    assert capsys.readouterr() == ("", "error: workers must be >= 1, got 0\n")


def test_a_librarys_error_passes():
    with pytest.raises(json.JSONDecodeError):
        in_one_line(lambda: json.loads("{"))


def test_an_interrupt_ends_without_a_traceback(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert in_one_line(interrupted) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_work_that_is_done_is_status_0(capsys):
    assert in_one_line(lambda: "whatever it returns") == 0
    assert capsys.readouterr() == ("", "")
