# `make` lists the commands; `make check` is what CI runs.
# Everything lives in this folder: the virtual environment in .venv, builds in target/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := target/bench
export PIP_QUIET := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The tests talk to loopback only; a proxy in the environment must not stand between.
export NO_PROXY := 127.0.0.1,localhost

.DEFAULT_GOAL := help
.PHONY: help setup develop demo test test-rust test-python torture simulate-seeds fuzz-answers mutations lint doc docs licences wheel test-wheel sdist check format update-cases confirm-cases bench bench-end-to-end bench-store bench-wheel clean need-rust need-python bench-language bench-frames bench-startup oracle oracle-quick need-java fuzz

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-23s %s\n", $$1, $$2}'

need-rust:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs (1.91 or newer)"; exit 1; }

need-python:
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer with its venv module is missing: install it, or name one: make PYTHON=python3.12"; exit 1; }

$(BIN)/maturin: pyproject.toml | need-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --upgrade pip
	@$(BIN)/python -m pip install --group dev --group docs
	@touch $(BIN)/maturin

setup: need-rust $(BIN)/maturin ## the virtual environment with the tools, in .venv

develop: setup ## builds the core into .venv (optimised)
	@echo "building the core, optimised: some minutes the first time, seconds when nothing changed"
	@$(BIN)/maturin develop --release --quiet

demo: develop ## watch a sample export archive stream to a local webhook
	@$(BIN)/python examples/demo.py

test: test-rust test-python ## all tests, but those with Airflow

test-rust: need-rust ## the core's tests, without Python
	cargo test --quiet --features arrow

test-python: develop ## the package, its docstrings and the examples
	$(BIN)/python -m pytest -q

# Each Airflow has an environment of its own under target/airflow, made the first time.
.PHONY: test-airflow test-airflow-standalone
test-airflow: setup ## the provider with Airflow 2.11 and 3.3, real DAGs
	$(BIN)/python tests/airflow/run.py

test-airflow-standalone: setup ## the whole of Airflow 3.3: a deferral and a kill
	$(BIN)/python tests/airflow/run.py --standalone

# The long run fits its kills into so many minutes and says how far it got; the page is written anew
# whenever a part has ended, so that one that is cut leaves a page, too.
MINUTES ?= 45
SEEDS ?= 100000
ANSWERS ?= 1000000

torture: develop ## kills, crash points, power cuts, simulated lives, made-up answers: MINUTES=45, writes docs/reliability.md
	$(BIN)/python tests/torture/long.py --minutes $(MINUTES) --seeds $(SEEDS) --answers $(ANSWERS)

simulate-seeds: need-rust ## SEEDS=100000 invented lives of engines, checked after every step; prints the seed that fails
	SIMULATED_SEEDS=$(SEEDS) cargo test --quiet --test rust simulator -- --nocapture

fuzz-answers: need-rust ## ANSWERS=1000000 made-up answers to the real client; prints the one that it takes wrongly
	FUZZED_ANSWERS=$(ANSWERS) cargo test --quiet --test rust hostile_answers -- --nocapture

mutations: need-rust need-python ## makes mistakes in a copy of the code, says which test notices, writes docs/reliability.md
	@mkdir -p target/torture
	$(PYTHON) tests/mutations/mutate.py > target/torture/mutations.log
	$(PYTHON) tests/torture/page.py target/torture/mutations.log --page docs/reliability.md

lint: setup ## formatting, clippy, ruff, mypy, and that the stub tells the truth
	cargo fmt --check
	cargo clippy --quiet --all-targets -- -D warnings
	cargo clippy --quiet --all-targets --features python -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/maturin develop --release --quiet
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest webhook_stream --mypy-config-file pyproject.toml --allowlist tests/airflow/stubtest.txt
	$(BIN)/python release/licences.py

doc: need-rust ## the core's documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps

docs: develop ## the documentation site, in target/docs/html; warnings and broken links are errors
	@$(BIN)/python docs/site/build.py target/docs

licences: setup ## writes THIRD_PARTY_LICENSES.txt, which is shipped in the wheel
	$(BIN)/python release/licences.py --write

test-wheel: setup ## builds a wheel for this machine, and tries it in an environment with nothing else
	@rm -rf target/wheels
	@$(BIN)/maturin build --release --quiet --out target/wheels
	WHEEL=$$(ls target/wheels/*.whl) $(BIN)/python -m pytest -q release

wheel: setup ## the wheel for every Linux since 2014 (manylinux_2_17), in dist/, tried like the other
	@$(BIN)/python -m pip install --group wheel
	@rm -f dist/*.whl
	@PATH="$(CURDIR)/$(BIN):$$PATH" maturin build --release --zig --compatibility manylinux2014 --out dist
	WHEEL=$$(ls dist/*.whl) MANYLINUX=2_17 $(BIN)/python -m pytest -q release

# The sources are unpacked elsewhere, and what was built from the same crates before is used again.
sdist: setup ## the source distribution, in dist/, and a wheel built from it as pip does
	@rm -f dist/*.tar.gz
	@$(BIN)/maturin sdist --out dist
	@rm -rf target/sdist && mkdir -p target/sdist
	CARGO_TARGET_DIR=$(CURDIR)/target $(BIN)/python -m pip wheel --no-deps --wheel-dir target/sdist dist/*.tar.gz
	WHEEL=$$(ls target/sdist/*.whl) $(BIN)/python -m pytest -q release

check: lint test doc docs test-wheel oracle-quick test-airflow test-airflow-standalone ## what CI runs: all of these, one after the other

format: setup ## formats everything
	cargo fmt
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

update-cases: need-rust ## writes what the Markdown cases give now; read the diff
	UPDATE_CASES=1 cargo test --quiet

# Another seed makes other cases; a run says with which seed a difference comes back.
SEED ?= $(shell date +%s)
HAS_JAVA := $(shell command -v javac >/dev/null && command -v mvn >/dev/null && echo yes)

need-java:
	@test -n "$(HAS_JAVA)" || { echo "A JDK and Maven are missing: javac and mvn must be on the path"; exit 1; }

oracle: need-rust need-java ## 200,000 made-up templates, asked of FreeMarker as well (ten minutes)
	cargo test --quiet --test oracle -- fuzz --cases 200000 --seed $(SEED)

oracle-quick: need-rust ## the Markdown cases and 20,000 made-up templates, always the same, if Java and Maven are here
ifeq ($(HAS_JAVA),yes)
	cargo test --quiet --test oracle -- confirm
	cargo test --quiet --test oracle -- fuzz --seconds 120 --cases 20000 --seed 1
else
	@echo "SKIPPED: FreeMarker was not asked, because javac or mvn is missing"; test "$(CI)" != true
endif

confirm-cases: need-rust need-java ## FreeMarker itself confirms the Markdown cases
	cargo test --quiet --test oracle -- confirm

bench: bench-end-to-end bench-store bench-language ## speed, side by side with peers (benches/README.md)

bench-end-to-end: bench-wheel ## from a file to nginx, against Python scripts, raw sockets and wrk
	@$(BENCH)/venv/bin/python benches/end_to_end/run.py $(ARGS)

bench-store: bench-wheel ## what the store costs, beside no store and an append log; a million pending
	@$(BENCH)/venv/bin/python benches/end_to_end/run_store.py $(ARGS)
	cargo bench --quiet --bench store

# Peers' packages stay in an environment of their own, and what is measured is the wheel that users get.
bench-wheel: setup
	@command -v nginx >/dev/null && command -v wrk >/dev/null || { echo "nginx or wrk is missing: apt-get install nginx wrk"; exit 1; }
	@test -x $(BENCH)/venv/bin/python || $(PYTHON) -m venv $(BENCH)/venv
	@$(BENCH)/venv/bin/python -m pip install --requirement benches/end_to_end/requirements.txt
	@rm -rf $(BENCH)/wheels
	@$(BIN)/maturin build --release --quiet --out $(BENCH)/wheels
	@$(BENCH)/venv/bin/python -m pip install --force-reinstall --no-deps $(BENCH)/wheels/*.whl

bench-language: setup ## the template engine side by side with others (benches/language/README.md)
	@command -v mvn >/dev/null && command -v javac >/dev/null || { echo "Maven and a JDK of 17 or newer are missing: apt-get install maven default-jdk-headless"; exit 1; }
	@$(BIN)/python -m pip install --requirement benches/language/requirements.txt
	$(BIN)/python benches/language/run.py

bench-startup: develop ## what the import and the pytest plugin add to the start of a program
	$(BIN)/python benches/startup.py $(ARGS)

bench-frames: develop ## what a row of a data frame costs, against dicts of the same rows
	$(BIN)/python benches/frames.py $(ARGS)

FUZZ_SECONDS ?= 60
FUZZ_TARGETS := template filter events syncs

fuzz: need-rust ## coverage-guided fuzzing, FUZZ_SECONDS for each target (docs/fuzzing.md)
	@cargo fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is missing: cargo install cargo-fuzz"; exit 1; }
	$(PYTHON) fuzz/seeds.py
	for target in $(FUZZ_TARGETS); do \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target -- -dict=fuzz/ftl.dict -max_len=2048 -timeout=10 -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

clean: ## removes the virtual environment and all builds
	rm -rf $(VENV) target
