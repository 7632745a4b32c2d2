# Each target makes the virtual environment it needs, once.
#   make course     the course's whole job: pre-train, fine-tune, few-shot; ends with a page
#   make test       all tests, on the solutions
#   make notebook   Jupyter, on the labs
#   make bench      training and generation speed, beside keras_hub's GPT-2
#   make labs       rebuilds labs/ and runs the solution notebooks in full (authors)
#   make test-colab the tests on the packages that Colab has
#   make lint       what CI checks before the tests (authors)

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: course test notebook bench labs lint test-colab

course: $(VENV)/ready
	$(BIN)/python -m gpt_tf $(ARGS)

test: $(VENV)/ready-dev
	$(BIN)/python -m pytest --submission solutions -n 2 $(ARGS)

notebook: $(VENV)/ready
	$(BIN)/jupyter lab labs

bench: $(VENV)/ready
	$(BIN)/python benchmarks/speed.py $(ARGS)

labs: $(VENV)/ready-dev
	$(BIN)/python -m gpt_tf.course build $(ARGS)

lint: $(VENV)/ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m gpt_tf.course build --check

test-colab: .venv-colab/ready
	.venv-colab/bin/python -m pytest --submission solutions -n 2 $(ARGS)

$(VENV)/ready: requirements.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt -c constraints.txt
	touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt -c constraints.txt
	touch $@

.venv-colab/ready: requirements.txt constraints-colab.txt
	$(PYTHON) -m venv .venv-colab
	.venv-colab/bin/python -m pip install --quiet --upgrade pip
	.venv-colab/bin/python -m pip install --quiet -r requirements-dev.txt -c constraints-colab.txt
	touch $@
