# Two commands do everything, with all their own set-up: make demo, make test.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SPARK  := $(VENV)/.spark
PEERS  := .venv-peers
TORCH  := $(shell grep '^torch==' requirements.lock)
# Bytecode off would make every start compile feast, torch and prefect again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-spark test test-all lint format install lock clean \
        bench-features bench-language bench-recommender bench-recommenders bench-main-job bench-serving

demo: $(READY)   ## the main job on the default shop: raw orders to a released model and a report
	@$(BIN)/counterfoil demo

demo-spark: $(SPARK)   ## the same models on DuckDB and on Spark, compared row by row; Java 17
	@$(BIN)/python -m flows.spark_demo

test: $(READY)   ## all tests but the slow ones; needs no network
	@$(BIN)/python -m pytest -m "not slow" --durations=12

test-all: $(READY)   ## every test, the slow ones too
	@$(BIN)/python -m pytest

lint: $(READY)   ## ruff, formatting, mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

bench-features: $(READY)   ## joins, online reads, materialisation, growth beside stock Feast; ~1 h
	@$(BIN)/python tests/benchmarks/features.py $(if $(JSON),--json $(JSON))

bench-recommender: $(READY)   ## NDCG@10 against its floors; JSON=FILE keeps the figures
	@$(BIN)/counterfoil evaluate recommender --json > $(or $(JSON),/dev/stdout)

bench-recommenders: $(READY)   ## the whole table, 2 h; QUICK=1: 10 min; DATA=DIR PROTOCOL=...: a part
	@$(MAKE) --no-print-directory $(PEERS)/.ready || echo "no peers: they could not be installed" >&2
	@$(BIN)/python tests/benchmarks/recommenders.py --peers $(PEERS)/bin/python \
	  $(if $(DATA),--data $(DATA)) $(if $(PROTOCOL),--protocol $(PROTOCOL)) \
	  $(if $(CUTOFF),--cutoff $(CUTOFF)) $(if $(QUICK),--quick) $(if $(JSON),--json $(JSON))

bench-language: $(READY)   ## text tasks beside their floors, 2 h; QUICK=1; TASK=... DATA=...: a part
	@$(BIN)/python tests/benchmarks/language.py $(if $(TASK),--task $(TASK)) \
	  $(if $(DATA),--data $(DATA)) $(if $(QUICK),--quick) $(if $(JSON),--json $(JSON))

bench-main-job: $(READY)   ## seconds and peak memory of the main job, first run and unchanged run
	@$(BIN)/python tests/benchmarks/main_job.py $(if $(JSON),--json $(JSON))

bench-serving: $(READY)   ## latency of one recommendation over REST, after make demo
	@$(BIN)/python tests/benchmarks/served_latency.py $(if $(JSON),--json $(JSON))

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "error: Python 3.11 is needed"; \
	    echo "  where     $$($(PYTHON) --version 2>&1) at $$(command -v $(PYTHON))"; \
	    echo "  next      make demo PYTHON=/path/to/python3.11"; exit 2; } >&2
	@echo "Installing into $(VENV) (about 2 minutes with a CPU build of torch)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv $(TORCH)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@echo "Compiling the environment once" >&2
	@$(BIN)/python -m compileall -q -j 2 -o 0 -o 1 -x 'py312_intrinsics' $(VENV)/lib || true
	@touch $(READY)

$(PEERS)/.ready: $(READY) pyproject.toml
	@echo "Installing peers into $(PEERS) (about a minute, 1.2 GB with a CPU build of torch)" >&2
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/pip install --quiet --disable-pip-version-check $(TORCH)
	@$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --group bench
	@touch $(PEERS)/.ready

$(SPARK): $(READY) requirements-spark.lock
	@echo "Installing Spark into $(VENV) (about a minute, 480 MB)" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -r requirements-spark.lock
	@touch $(SPARK)

lock:   ## resolve pyproject.toml again, then look at the difference before committing it
	@$(BIN)/uv pip compile pyproject.toml --extra dev --upgrade --python-version 3.11 --quiet \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements.new
	@{ head -2 requirements.lock; grep -vE '^(nvidia-|cuda-|triton)' requirements.new; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock && rm requirements.new

clean:   ## remove state and environment
	rm -rf .counterfoil $(VENV) $(PEERS)
