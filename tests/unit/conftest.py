"""Tiny random language models, ragged batches, a place for MLflow's runs and toy runs in it."""

import pytest

VOCABULARY = 40


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory) -> str:
    """One database for the session: MLflow takes seconds to create its tables."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


TOY_RUNS = [(arm, seed) for arm in ("full", "lim") for seed in (1, 2)]


@pytest.fixture(scope="session")
def run_folders(tmp_path_factory):
    """A folder with the folders of two arms' runs."""
    from comparison_toys import write_run_folder

    root = tmp_path_factory.mktemp("runs")
    for arm, seed in TOY_RUNS:
        write_run_folder(root / f"{arm}-s{seed}", arm, seed)
    return root


@pytest.fixture(scope="session")
def logged_runs(run_folders, mlflow_uri, tmp_path_factory):
    """The same runs in MLflow: their experiment's name and their ids."""
    from comparison_toys import log_run
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_uri)
    place = str(tmp_path_factory.mktemp("artifacts"))
    experiment_id = client.create_experiment("toy study", place)
    return "toy study", [
        log_run(client, experiment_id, run_folders / f"{arm}-s{seed}", arm, seed)
        for arm, seed in TOY_RUNS
    ]


@pytest.fixture(params=["qwen2", "llama"])
def tiny_lm(request):
    """A random causal language model that discriminates well between tokens; no tokenizer."""
    return build_lm(request.param)


def build_lm(architecture, **overrides):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    config_class, model_class = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }[architecture]
    sizes = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 64,
        "tie_word_embeddings": False,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return model_class(config_class(**sizes | overrides)).eval()


@pytest.fixture
def ragged():
    """Rows of (prompt ids, response ids) with every combination of short and long."""
    import torch

    generator = torch.Generator().manual_seed(11)
    lengths = [(5, 4), (1, 6), (3, 1), (8, 2)]
    return [
        tuple(torch.randint(VOCABULARY, (n,), generator=generator) for n in row) for row in lengths
    ]


@pytest.fixture
def padded(ragged):
    """`ragged` as one batch, garbage under the masks; prompts padded left."""
    import torch

    generator = torch.Generator().manual_seed(13)
    prompt_width, response_width = 10, 9  # wider than any row: two columns are padding everywhere
    ids, masks = [], []
    for width, column, left in ((prompt_width, 0, True), (response_width, 1, False)):
        kept = torch.zeros(len(ragged), width, dtype=torch.bool)
        tokens = torch.randint(VOCABULARY, (len(ragged), width), generator=generator)
        for i, row in enumerate(ragged):
            n = len(row[column])
            where = slice(width - n, width) if left else slice(0, n)
            kept[i, where] = True
            tokens[i, where] = row[column]
        ids.append(tokens)
        masks.append(kept)
    return ids[0], masks[0], ids[1], masks[1]
