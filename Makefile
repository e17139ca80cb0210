# Two commands on a fresh machine: `make train`, `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# MONAI Label 0.8.5 imports distutils, which Python 3.12 lacks
LABEL_PYTHON ?= $(shell command -v python3.11 || command -v python3.10 || echo $(PYTHON))
LABEL_VENV ?= .venv-label
LABEL_BIN := $(LABEL_VENV)/bin
BUNDLE ?= bundles/camus_denoise
ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# torch first and by its pinned version: a range would fetch the newest build with its CUDA libraries
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-clinical: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[clinical]"
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

$(VENV)/.installed-coverage: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[coverage]"
	touch $@

$(VENV)/.installed-ray: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[ray]"
	touch $@

$(VENV)/.installed-lint: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[lint]"
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	touch $@

$(LABEL_VENV)/.installed: tests/label/requirements.txt setup.cfg constraints.txt
	$(LABEL_PYTHON) -m venv $(LABEL_VENV)
	$(LABEL_BIN)/python -m pip install --quiet --disable-pip-version-check torch==$(shell sed -n 's/^torch==//p' constraints.txt)
	$(LABEL_BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/label/requirements.txt
	# no-deps: it pins what it does not need here; this torchvision is only imported
	$(LABEL_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps monailabel==0.8.5 torchvision==0.15.2
	$(LABEL_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

.PHONY: train
train: $(VENV)/.installed ## install, then train on the sample data (BUNDLE=bundles/..., ARGS="--max_epochs 2 ..." for switches)
	$(BIN)/python -m monai.bundle run --config_file $(BUNDLE)/configs/train.json $(ARGS)

.PHONY: evaluate
evaluate: $(VENV)/.installed ## evaluate the shipped weights on the sample data
	$(BIN)/python -m monai.bundle run --config_file $(BUNDLE)/configs/evaluate.json $(ARGS)

.PHONY: enhance
enhance: $(VENV)/.installed-clinical ## enhance the sample clinical folder; then open runs/enhance/report.html
	# exit code 1 says that a file failed: one in the sample folder is broken on purpose
	$(BIN)/monai-gradprom enhance sample_data/clinical runs/enhance --bundle $(BUNDLE) --thumbnails $(ARGS) || test $$? -eq 1

.PHONY: test
test: $(VENV)/.installed-test ## the default test suite
	$(BIN)/python -m pytest -q $(ARGS)

.PHONY: test-slow
test-slow: $(VENV)/.installed-test ## the tests that take minutes
	$(BIN)/python -m pytest -q -m slow $(ARGS)

.PHONY: coverage
coverage: $(VENV)/.installed-coverage ## lines and branches that the default tests run, in all processes (ARGS="tests/enhance" for a part)
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest -q $(ARGS) || test $$? -eq 1
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

.PHONY: test-ray
test-ray: $(VENV)/.installed-ray ## enhancement on a Ray cluster of two simulated machines (installs Ray)
	$(BIN)/python -m pytest -q -rs -m "slow or not slow" tests/enhance/cluster $(ARGS)

.PHONY: test-label
test-label: $(LABEL_VENV)/.installed ## the tests with MONAI Label, in an environment of its own (DICOMweb too, if Orthanc is there)
	$(LABEL_BIN)/python -m pytest -q -rs tests/label $(ARGS)

.PHONY: lint
lint: $(VENV)/.installed-lint ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: sample-data
sample-data: $(VENV)/.installed ## make sample_data/ anew
	$(BIN)/monai-gradprom sample-data sample_data --force

.PHONY: bundles
bundles: ## compose bundles/*/configs from recipes/
	$(PYTHON) recipes/compose.py

.PHONY: bundle-zip
bundle-zip: ## pack a bundle as dist/NAME_vVERSION.zip (BUNDLE=bundles/...)
	$(PYTHON) recipes/zip_bundle.py $(BUNDLE) dist

.PHONY: baselines
baselines: $(VENV)/.installed-bench ## BM3D, non-local means, bicubic (BUNDLE=bundles/..., ARGS="--dataset_dir DIR")
	$(BIN)/python benchmarks/classical_baselines.py --bundle $(BUNDLE) $(ARGS)

.PHONY: bench
bench: $(VENV)/.installed-bench ## what the gate costs beside its floor and other ways to it (ARGS="--device cuda --dtype bfloat16")
	$(BIN)/python benchmarks/gate_speed.py $(ARGS)

.PHONY: bench-loader
bench-loader: $(VENV)/.installed ## whether the loader keeps up with training, and what each transform costs (ARGS="--device cuda")
	$(BIN)/python benchmarks/loader_speed.py $(ARGS)

.PHONY: bench-enhance
bench-enhance: $(VENV)/.installed-clinical ## what `enhance` takes beside the network: time and memory (ARGS="--only network")
	$(BIN)/python benchmarks/enhance_speed.py $(ARGS)

.PHONY: grid
grid: $(VENV)/.installed-bench ## a grid behind docs/results/ with its report (ARGS="camus_sigma0.3 --dataset_dir CAMUS --output runs")
	$(BIN)/python benchmarks/results_runs.py $(ARGS)

.PHONY: results
results: $(VENV)/.installed ## the tables of docs/results/ from reports (ARGS="camus_sigma0.3=runs/camus_sigma0.3/report")
	$(BIN)/python benchmarks/results_page.py $(ARGS)

.PHONY: clean
clean: ## remove the environment, runs and caches
	rm -rf $(VENV) $(LABEL_VENV) runs .pytest_cache .mypy_cache .ruff_cache build *.egg-info
