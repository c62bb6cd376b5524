# Two commands do everything on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# OpenMP threads that spin while they wait take the cores from the processes beside them.
export OMP_WAIT_POLICY := PASSIVE

# Whoever wants no bytecode beside sources gets it beside the environment: without it, each of the processes that runs
# and tests start compiles all of its libraries, for ten seconds and more.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(abspath $(VENV)).bytecode
endif

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types imports unit coverage older-processor matrix lowest calibration bench-fusion bench-encoders bench-gpu bench-cohort bench-pipeline audit-genotypes audit-inputs docs references configuration torture fuzz lock install-locked audit-dependencies sbom ui clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) .ci/install.py "$(VENV)"

install: $(INSTALLED)  ## create the environment with pinned versions

demo: $(INSTALLED)  ## simulate a cohort in the real file formats and run the whole way through it
	@$(BIN)/genebrain demo

test: lint types imports unit  ## lint, types, import contracts, tests

lint: $(INSTALLED)  ## what pre-commit runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)  ## mypy --strict on the three packages
	$(BIN)/mypy

imports: $(INSTALLED)  ## the import rule of the architecture
	$(BIN)/lint-imports

# Whole runs come first, the many small tests fill the cores at the end.
ON_ALL_CORES := --numprocesses auto --dist loadfile --no-loadscope-reorder

unit: $(INSTALLED)  ## the tests, docstring examples and shape checks, on all cores (calibrations excluded)
	$(BIN)/python -m pytest $(ON_ALL_CORES)

coverage: $(INSTALLED)  ## the share of lines and branches that the tests reach
	$(BIN)/python -m pytest $(ON_ALL_CORES) --cov --cov-report=
	@echo "Coverage of lines and branches: $$($(BIN)/coverage report --format=total) %"

# What a processor decides: the library and the kernel that multiply, and with them the last bits and whether bfloat16 is
# there. That is all networks and what is proved of them, what asks for a kernel, and the statistics that compare products
# to the last bit or with a threshold. What files say, what tokens are and how a fault is found is the same everywhere.
NETWORKS := attribution models networks test_device.py test_policies.py token_models verification/test_contract.py \
  verification/test_verify.py
STATISTICS := confounds interpretation missing_values permutation prediction replication
older-processor: $(INSTALLED)  ## tests of encoders and of statistics as on a processor without AVX-512
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell \
	  $(BIN)/python -m pytest $(ON_ALL_CORES) $(addprefix tests/encoders/dna/,$(NETWORKS)) \
	  $(addprefix tests/analyses/cli/,test_app.py test_blas_kernel.py test_encoders.py) \
	  $(addprefix tests/fusion/,$(STATISTICS))

matrix:  ## a short part of the tests and the demo on Python 3.11, 3.12, 3.13 and on the lowest versions (LEGS="3.12 lowest")
	@$(PYTHON) .ci/matrix.py $(LEGS)

lowest:  ## find the oldest versions that pyproject allows anew (needs uv)
	@$(PYTHON) .ci/lowest.py

# A share of the data sets sees what is grossly wrong everywhere, in minutes; rows are written from all of them alone.
CALIBRATION_SHARE ?= 0.2
calibration: $(INSTALLED)  ## false-positive rates, each with a fifth of its simulated data sets (minutes; PART=components or FULL=1: all, into the results)
	CALIBRATION_SHARE=$(if $(PART)$(FULL),1,$(CALIBRATION_SHARE)) $(BIN)/python -m pytest -m calibration -s \
	  $(if $(PART),tests/calibration/test_$(PART).py) --durations=0 --durations-min=20

bench-fusion: $(INSTALLED)  ## speed, memory and power of the tests, as ratios in one run
	$(BIN)/python -m tests.benchmarks.bench_fusion
	$(BIN)/python -m tests.benchmarks.bench_alignment

bench-encoders: $(INSTALLED)  ## speed and memory of the encoders, as ratios in one run
	$(BIN)/python -m tests.benchmarks.bench_encoders

bench-gpu: $(INSTALLED)  ## speed, parity and permutations of a GPU, in one go
	$(BIN)/python -m tests.benchmarks.bench_gpu

bench-cohort: $(INSTALLED)  ## distinct windows and PCA of factored views, from 5,000 to 500,000 subjects
	$(BIN)/python -m tests.benchmarks.bench_cohort

bench-pipeline: $(INSTALLED)  ## the whole pipeline on simulated cohorts, by stage (hours; SIZES="500 5000" UNTIL=embed, or MEMORY=1: 19 permutations; goes on where it stopped)
	$(BIN)/python -m tests.benchmarks.bench_pipeline $(if $(SIZES),--sizes $(SIZES)) $(if $(UNTIL),--until $(UNTIL)) $(if $(MEMORY),--memory)

audit-genotypes: $(INSTALLED)  ## haplotypes of 2,000 generated VCFs against bcftools (minutes)
	$(BIN)/python -m tests.encoders.genome.haplotypes.audit 2000

docs: $(INSTALLED)  ## build pages, notebooks and Python API as a site in build/docs/html; a warning is an error
	@$(BIN)/python docs/build_site.py

references: $(INSTALLED)  ## write docs/commands.md and docs/results.md from the commands and from the types of results
	$(BIN)/python docs/write_commands.py
	$(BIN)/python docs/write_results.py

configuration: $(INSTALLED)  ## write docs/configuration.md: every key, what it takes and what it means
	$(BIN)/python docs/write_configuration.py

audit-inputs: $(INSTALLED)  ## write docs/formats.md: what is read of each format, and what is refused
	$(BIN)/python docs/audit_inputs.py

torture: $(INSTALLED)  ## kill small runs at random moments, fill their disks; write docs/torture.md (half an hour)
	$(BIN)/python -m tests.torture

INPUTS ?= 100000
fuzz: $(INSTALLED)  ## damaged files for every reader, into docs/fuzz.md (hours; INPUTS=1000 READERS="vcf bgen"; goes on where it stopped)
	$(BIN)/python -m tests.fuzz $(READERS) --inputs $(INPUTS)

lock:  ## write the hashes of the pinned versions anew (needs uv)
	@$(PYTHON) .ci/lock.py

install-locked:  ## create the environment from files with the hashes of .ci/constraints-hashes.txt, or not at all
	@$(PYTHON) .ci/install.py "$(VENV)" .ci/constraints-hashes.txt

audit-dependencies:  ## ask pip-audit about the pinned versions, in an environment of its own
	@$(PYTHON) .ci/audit.py

sbom: $(INSTALLED)  ## write sbom.cdx.json: what the environment is made of (CycloneDX)
	@$(BIN)/python .ci/sbom.py sbom.cdx.json

ui: $(INSTALLED)  ## open the experiments of the demo in MLflow
	@$(BIN)/genebrain ui

clean:  ## remove the environment and the results
	rm -rf $(VENV) $(VENV).lock $(VENV).bytecode .matrix results
