# `make run` needs Python 3.11 or newer with pip, and make; nothing else.
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python3.12 python3.13 python,$(if $(shell command -v $(name) 2>/dev/null),$(name))))
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes
UV_COMPILE := uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes
TESTS ?=
QUICK ?=

.PHONY: run test check check-lint check-format check-types check-imports check-migrations check-deploy \
	format translations lock bench conformance clean
.DEFAULT_GOAL := run

run: .venv/installed  ## Serve on MLWEB_HOST:MLWEB_PORT until Ctrl-C
	@exec $(BIN)/python manage.py serve

test: .venv/installed-dev  ## The whole suite, in random order, in three processes: tests wait more than they compute
	@sh .ci/install-test-servers
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(TESTS)

CHECKS := check-lint check-format check-types check-imports check-migrations check-deploy
check: $(CHECKS)  ## Static checks
$(CHECKS): .venv/installed-dev

check-lint:
	$(BIN)/ruff check .

check-format:
	$(BIN)/ruff format --check .

check-types:
	$(BIN)/mypy

check-imports:
	$(BIN)/lint-imports

check-migrations:
	$(BIN)/python manage.py makemigrations --check --dry-run

check-deploy:
	@MLWEB_HTTPS=true SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(64))") \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: .venv/installed-dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

translations: .venv/installed  ## Collect all texts into locale/*/LC_MESSAGES/django.po and compile them
	$(BIN)/python manage.py translations

lock:  ## Write the hashed requirements from the .in files (needs uv; UPGRADE=--upgrade for newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	$(UV_COMPILE) $(UPGRADE) --output-file requirements.txt requirements.in
	$(UV_COMPILE) $(UPGRADE) --constraint requirements.txt --output-file requirements-dev.txt requirements-dev.in

bench: .venv/installed-dev  ## Every benchmark; QUICK=--quick for seconds instead of minutes
	@sh .ci/install-test-servers
	@failed=""; for script in benchmarks/[a-z]*.py; do \
		echo "== $$script $(QUICK)"; $(BIN)/python "$$script" $(QUICK) || failed="$$failed $$script"; done; \
		[ -z "$$failed" ] || { echo "Failed:$$failed"; exit 1; }

conformance: .venv/installed-dev  ## Published clients against a running server; installs them into .conformance/ (1 GB, once)
	@$(BIN)/python conformance/run.py

clean:  ## Remove everything that can be rebuilt; your data in var/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "mlweb needs Python 3.11 or newer; none was found."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mlweb needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Set PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python could not make .venv (on Debian: apt install python3-venv)."; exit 1; }

.venv/installed: requirements.txt | $(BIN)/python
	@echo "Installing what mlweb needs into .venv (once; some minutes on a slow line) …"
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing what the tests need into .venv …"
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@ .venv/installed
