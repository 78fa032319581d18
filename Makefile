# From nothing but python3 and make. Docker is used when its daemon answers.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

.PHONY: demo test test-quick attacks check lint types golden lock clean

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(RUN)/python -m pip install --quiet --no-deps -e .
	touch $@

demo: $(VENV)/.ready  ## Forge tasks from the bundled data.
	$(RUN)/python -m examples.demo

test: $(VENV)/.ready  ## The whole suite; Docker tests run when the daemon answers.
	$(RUN)/python -m pytest -n 2 --dist worksteal

test-quick: $(VENV)/.ready  ## The fast part: no Docker, no server, no property tests.
	$(RUN)/python -m pytest -n 2 -m "not docker and not live" tests/unit tests/flow tests/golden

attacks: $(VENV)/.ready  ## What hostile programs tried in each kind of sandbox, and what came of it.
	$(RUN)/python -m tests.attacks

check: lint types

lint: $(VENV)/.ready
	$(RUN)/ruff check . && $(RUN)/ruff format --check .

types: $(VENV)/.ready
	$(RUN)/mypy

golden: $(VENV)/.ready  ## Write golden files and generated pages anew; review the diff.
	$(RUN)/python -m tests.golden.regenerate
	$(RUN)/python -m mle_smith.checks.document > docs/checks.md
	$(RUN)/python -m mle_smith.metrics.document > docs/metrics.md
	$(RUN)/python -m mle_smith.package > docs/task.schema.json

lock:  ## Pin all dependencies, with hashes (needs uv).
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV)
