from comparison_toys import toy_run
from mlflow import MlflowClient

from limr.report.comparison import compare
from limr.report.comparison_files import metrics, write_report
from limr.report.runs import Found
from limr.report.tracked import track


def test_the_report_is_written(comparison, tmp_path):
    files = write_report(comparison, tmp_path / "new", title="t")
    assert sorted(files) == sorted((tmp_path / "new").iterdir())
    assert files[0].name == "index.html"
    assert "runs.csv" in [file.name for file in files]
    html = files[0].read_text()
    assert html.count("data:image/svg+xml;base64,") == 6
    assert html.count('<article class="example">') == 16


def test_mlflow_takes_any_arms_numbers(mlflow_uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("full", "a/../b", "é $", "...")
    runs = [toy_run(name, {"e/x": {0: [0.0, 1.0]}}) for name in names]
    comparison = compare(Found(runs, []), baseline="full", match="steps")
    values = metrics(comparison)
    assert len(values) == 4 + 3 * 3
    place = {"uri": mlflow_uri, "experiment": "numbers", "folder": "comparison"}
    run_id = track("compare", values, {}, [], **place)
    found = MlflowClient(mlflow_uri).get_run(run_id).data.metrics
    assert found["compare/e_x/full/accuracy"] == 0.5
    assert found["compare/e_x/a_.._b/difference"] == 0.0
    assert found["compare/e_x/a_.._b/difference_low"] < 0 < found["compare/e_x/_/difference_high"]
