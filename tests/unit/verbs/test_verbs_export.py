"""`limr export`: what it writes, and what it refuses in one line."""

import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from limr.models.tiny import TinyArchitecture, build_model, build_tokenizer

SIZE = TinyArchitecture(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24
)
EMBEDDINGS = "policy.model.model.embed_tokens.weight"
HEAD = "policy.model.lm_head.weight"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder that a run has started from."""
    folder = tmp_path_factory.mktemp("base")
    tokenizer = build_tokenizer(["1+2=3"], 262)
    tokenizer.save_pretrained(folder)
    build_model(SIZE, tokenizer, seed=0).save_pretrained(folder)
    return folder


@pytest.fixture
def content(base):
    """A checkpoint's content: other weights than the base's, and a critic."""
    model = build_model(SIZE, AutoTokenizer.from_pretrained(base), seed=1)
    state = {f"policy.model.{name}": weight for name, weight in model.state_dict().items()}
    return {
        "state_dict": {**state, "critic.head.weight": torch.ones(1, 16)},
        "pretrained": {"name": str(base), "revision": None},
    }


@pytest.fixture
def export(limr, content, tmp_path):
    """Save `content` and export it; status, output, error."""

    def call(*flags):
        torch.save(content, tmp_path / "run.ckpt")
        return limr("export", "--ckpt_path", "run.ckpt", "--output", "out", *flags)

    return call


def refused(outcome, *parts):
    status, out, error = outcome
    assert (status, out) == (1, "")
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    for part in parts:
        assert part in error


def weights_of(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def test_the_weights_of_the_checkpoint_are_written(export, content, tmp_path, base):
    status, out, _ = export()
    assert (status, out) == (0, "exported 0.0 M parameters: out\n")
    for name, weight in weights_of(tmp_path / "out").items():
        assert torch.equal(weight, content["state_dict"][f"policy.model.{name}"])
    chat = AutoTokenizer.from_pretrained(tmp_path / "out").chat_template
    assert chat == AutoTokenizer.from_pretrained(base).chat_template
    assert not list((tmp_path / "out").glob(".*"))


def test_of_tied_weights_one_is_enough(export, content, tmp_path):
    expected = content["state_dict"].pop(HEAD)
    assert export()[0] == 0
    assert torch.equal(weights_of(tmp_path / "out")["lm_head.weight"], expected)


def test_tied_weights_that_differ_are_refused(export, content):
    content["state_dict"][HEAD] = content["state_dict"][HEAD] + 1
    refused(export(), "run.ckpt", "lm_head.weight", "embed_tokens.weight", "differ")


def test_the_data_type_is_the_checkpoints_or_the_one_asked_for(export, content, tmp_path):
    content["state_dict"] = {n: w.bfloat16() for n, w in content["state_dict"].items()}
    assert export()[0] == 0
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert model.dtype == torch.bfloat16
    assert export("--dtype", "float16", "--overwrite")[0] == 0
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert model.dtype == torch.float16


def test_a_folder_that_holds_something_is_left_alone(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    refused(export(), "output: out holds something", "--overwrite")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_overwriting_replaces_the_model_and_keeps_other_files(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    for shard in ("model-00001-of-00002.safetensors", "model.safetensors.index.json"):
        (tmp_path / "out" / shard).write_text("old")
    assert export("--overwrite")[0] == 0
    assert (tmp_path / "out/notes.txt").read_text() == "mine"
    weights = {path.name for path in (tmp_path / "out").glob("model*")}
    assert weights == {"model.safetensors"}


def test_an_interrupted_write_leaves_no_model_and_can_be_repeated(export, tmp_path, monkeypatch):
    assert export()[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert export("--overwrite")[0] == 130
    assert not (tmp_path / "out/config.json").exists()
    (tmp_path / "out/.export.part").mkdir()  # as a process that was killed leaves it
    assert export("--overwrite")[0] == 0
    assert weights_of(tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: state.pop(EMBEDDINGS), "absent, expected (262, 16)"),
        (lambda state: state.update({"policy.model.x": torch.ones(2)}), "x: (2,), expected absent"),
        (
            lambda state: state.update({"policy.model.model.norm.weight": torch.ones(8)}),
            "model.norm.weight: (8,), expected (16,)",
        ),
    ],
)
def test_weights_of_another_model_are_refused(change, reason, export, content, base, tmp_path):
    change(content["state_dict"])
    refused(export(), f"run.ckpt is not of {base}", reason)
    assert not (tmp_path / "out").exists()


def test_the_model_is_asked_for_where_the_checkpoint_does_not_name_it(
    export, content, base, tmp_path
):
    del content["pretrained"]
    refused(export(), "does not name the model", "--pretrained")
    assert export("--pretrained", str(base))[0] == 0
    assert weights_of(tmp_path / "out")


def test_help_is_there_without_torch():
    code = (
        "import sys; from limr.__main__ import main\n"
        "try: main(['export', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'torch', 'transformers', 'lightning'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--ckpt_path" in done.stdout
