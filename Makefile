# Two commands do everything on a fresh Linux machine with Python >= 3.11: `make sweep` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: sweep test lint speed clean

sweep: $(VENV)/.run  ## the demo sweep and its report
	$(BIN)/talkbench sweep demo

test: $(VENV)/.dev  ## the test suite, file by file in two processes
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/.dev  ## style, types, and which way imports run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p build/typing && ln -sfn ../.. build/typing/talkbench
	$(BIN)/basedpyright
	PYTHONPATH=build/typing $(BIN)/lint-imports

speed: $(VENV)/.dev  ## speed and memory, as printed ratios
	for script in tests/speed/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "talkbench needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing (Debian: apt install python3-venv)"; exit 1; }
	@echo "installing talkbench into $(VENV) (once, a few minutes)"
	$(PIP) --editable .
	@# Built here where there is a C compiler; elsewhere these metrics say that they are missing.
	@$(PIP) --editable '.[speech]' 2>/dev/null || echo "no C compiler: pesq and visqol will be unavailable"
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) --editable '.[dev]'
	@# Libraries that tests compare with. They ask for torchvision, which need not fit torch's build: without it.
	$(PIP) --no-deps DISTS-pytorch lpips piq
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
