# `make demo`, `make train-demo` and `make test`. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is imported is compiled then; pip would compile all of it, which takes longer than the rest.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
DEMO := build/demo
TORCH := torch==2.13.0

FUZZ_SECONDS ?= 120
FUZZ_TARGETS := heuristics clues decode detector markup parser

.PHONY: demo train-demo test test-system fuzz lint lock clean

demo: $(VENV)/.installed
	$(BIN)/gristmill crawl all pipelines/recipes/demo.toml --out $(DEMO)
	$(BIN)/gristmill build pipelines/recipes/demo.toml --out $(DEMO)
	$(BIN)/gristmill audit $(DEMO)
	@echo "report: $(DEMO)/report.html"

# Trains a tiny model on the demo, which is built first unless it is there.
train-demo: $(VENV)/.installed-train
	test -f $(DEMO)/mixture.json || $(MAKE) demo
	$(BIN)/gristmill train trainer/recipes/tiny_demo.toml

test: $(VENV)/.installed-test $(VENV)/.installed-train
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not system"

# Needs what the tests name: Debian's chromium, nginx-light and wget, and root for a full disk.
test-system: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m system

# Needs a wheel of atheris: Python 3.11 to 3.13 on Linux. What was found stays in build/fuzz.
fuzz: $(VENV)/.installed-test
	$(PIP) "atheris==3.0.0"
	mkdir -p build/fuzz
	for target in $(FUZZ_TARGETS); do \
	    $(BIN)/python tests/fuzz/fuzz.py $$target build/fuzz/$$target -max_total_time=$(FUZZ_SECONDS) \
	        -timeout=5 -max_len=8192 -artifact_prefix=build/fuzz/$$target- || exit 1; \
	done

lint: $(VENV)/.installed-test $(VENV)/.installed-train
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

$(VENV)/.installed: requirements.lock pyproject.toml $(wildcard corpus/native/*.[ch] dedup/native/*.[ch] filters/native/*.[ch])
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	$(PIP) -r requirements-test.lock
	@touch $@

# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu gets a torch without CUDA.
$(VENV)/.installed-train: requirements-train.lock requirements-test.lock $(VENV)/.installed
	$(PIP) -c requirements-test.lock "$(TORCH)"
	$(PIP) -c requirements-test.lock -r requirements-train.lock
	@touch $@

# Needs uv; one universal resolution for Python 3.10 to 3.13.
lock:
	uv pip compile --quiet --universal --python-version 3.10 --custom-compile-command "make lock" \
	    pyproject.toml requirements.in -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.10 --custom-compile-command "make lock" \
	    --extra test --extra lint pyproject.toml requirements.in -c requirements.lock -o requirements-test.lock

clean:
	rm -rf build
