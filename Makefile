# What can be asked of this project. `make` alone lists it. Needs Python 3.11, 3.12 or 3.13 and nothing else.

VENV := .venv
BIN := $(VENV)/bin
BOOTSTRAP := tools/overstap_tools/local/bootstrap.py
# A Python of one's own choice: make PYTHON=/path/to/python3.12 demo
PYTHON ?=
# Extra words for the command behind: make test ARGS="-k ledger", make demo ARGS=--wait
ARGS ?=

# Whoever lets Python keep no bytecode would compile the package in each process anew: a third of the start of a command.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo stop test faults check lock bench clean deploy test-deployment bundle sbom advisories

help:
	@cat include/texts/bootstrap/help.txt

demo: $(VENV)/.ready
	@$(BIN)/overstap demo start $(ARGS)

stop:
	@if [ -x $(BIN)/overstap ]; then $(BIN)/overstap demo stop; fi

# One process for each processor and two more, since many tests wait: for a clock, a server, a browser.
test: $(VENV)/.ready-dev
	@echo "pytest: unit, DAG and integration tests in several processes; those marked boot start all of Airflow"
	@$(BIN)/python -m pytest --numprocesses "$$(( $$($(BIN)/python -c 'import os; print(os.cpu_count())') + 2 ))" \
		--dist loadscope $(ARGS)

# In containers: needs a container engine, nginx, age and openssl, and about half an hour. Skipped, and said so, where they are not.
test-deployment: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest --deployment tests/deployment $(ARGS)

# The numbered faults of docs/faults.md, with twenty seeds where moments are random: some hours. In one process, since they stop
# servers and fill disks. One number: make faults ARGS="--fault F24"
faults: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest tests --faults --seeds 20 --fault-table faults-held.md $(ARGS)

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.ready
	@$(BIN)/overstap bench

# A deployment in containers, on a machine with Docker: make deploy ARGS="--address https://... --review-address ..."
# Again: what is there stays, what is new is made, and what runs is brought to it.
deploy:
	@deploy/init $(ARGS)
	@docker compose up --detach --wait
	@docker compose run --rm admin overstap doctor --quiet || echo "Look at the lines above; docs/troubleshooting.md says more"
	@sed -n 's|^ADDRESS=|Sign in as admin at |p; s|^SECRETS_FOLDER=\(.*\)|First password of admin: \1/admin_password|p' .env

# What an installation without a network needs, in the folder bundle (docs/install.md).
bundle:
	@deploy/bundle $(ARGS)

# Existing versions stay where they still fit; `make lock ARGS=--upgrade` takes the newest. Each package with the hashes of its
# files, on one line, so that a line can be left out whole (Dockerfile); pip then refuses a file that is another.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
lock: $(VENV)/.ready-dev
	$(LOCK) $(ARGS) requirements.in --output-file requirements.txt
	$(LOCK) $(ARGS) requirements-cluster.in --output-file requirements-cluster.txt
	$(LOCK) $(ARGS) requirements-dev.in --output-file requirements-dev.txt
	sed -i -e ':more' -e '/ \\$$/{N;s/ \\\n */ /;b more' -e '}' requirements.txt requirements-cluster.txt requirements-dev.txt

# What production consists of, as CycloneDX: for whoever has to know what runs. The same for the same lock.
sbom: $(VENV)/.ready-dev
	@grep -h "==" requirements.txt requirements-cluster.txt | sort -u | $(BIN)/python -W ignore::UserWarning -m cyclonedx_py \
		requirements - --pyproject pyproject.toml --mc-type application --output-reproducible \
		--validate --of JSON --output-file sbom.cdx.json
	@echo "Bill of materials: sbom.cdx.json"

# Known vulnerabilities of locked packages. Without a network: a clone that was brought along, ADVISORIES=folder.
ADVISORIES ?= .local/advisories
ADVISORY_DATABASE := https://github.com/pypa/advisory-database
advisories: $(VENV)/.ready-dev
	@if [ -d $(ADVISORIES)/.git ]; then timeout 120 git -C $(ADVISORIES) pull --quiet || echo "Advisories: not renewed"; \
		elif [ ! -d $(ADVISORIES) ]; then timeout 120 git clone --quiet --depth 1 $(ADVISORY_DATABASE) $(ADVISORIES) || true; fi
	@$(BIN)/python -m overstap_tools.supply.advisories requirements.txt requirements-cluster.txt requirements-dev.txt --database $(ADVISORIES)

clean:
	@if [ -x $(BIN)/overstap ]; then $(BIN)/overstap local destroy --state .demo; $(BIN)/overstap local destroy; fi
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The stamps make a repeat quick: nothing is done unless a list of packages changed.
$(VENV)/.ready: requirements.txt pyproject.toml tools/pyproject.toml $(BOOTSTRAP)
	@$(call with_python,$(BOOTSTRAP))
	@touch $@

$(VENV)/.ready-dev: requirements.txt requirements-dev.txt pyproject.toml tools/pyproject.toml $(BOOTSTRAP)
	@$(call with_python,$(BOOTSTRAP) --dev)
	@touch $(VENV)/.ready $@

# The first Python that will do; else any Python 3, which then says what is wrong with it.
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.12 python3.13 python3.11 python3 python)
with_python = chosen=; \
	for name in $(CANDIDATES); do \
		if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; \
		then chosen=$$name; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
		for name in $(CANDIDATES); do \
			if "$$name" -c 'import sys; sys.exit(sys.version_info[0] != 3)' >/dev/null 2>&1; then chosen=$$name; break; fi; \
		done; \
	fi; \
	if [ -z "$$chosen" ]; then cat include/texts/bootstrap/no-python.txt >&2; exit 2; fi; \
	"$$chosen" -I $(1)
