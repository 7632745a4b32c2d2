"""Several devices share a batch and train as one does."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

tf = pytest.importorskip("tensorflow")

from gpt_tf import training  # noqa: E402

SCRIPT = pathlib.Path(__file__).with_name("two_devices.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    command = [sys.executable, str(SCRIPT), str(tmp_path_factory.mktemp("two"))]
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parents[2])}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("what", ["two", "two in parts, then one"])
def test_same_losses_as_one_device(found, what):
    losses, _ = found
    assert len(losses["one"]) == 20 + 11 and losses["one"][19] < losses["one"][0] - 0.05
    assert losses[what] == pytest.approx(losses["one"], abs=1e-4)


@pytest.mark.parametrize("what", ["two, 16 bits", "two, float16"])
def test_16_bits_on_two_devices(found, what):
    losses, _ = found
    assert losses[what] == pytest.approx(losses["one"], abs=0.02) and losses[what] != losses["two"]


def test_each_device_drops_out_something_else(found):
    first, second = found[1]
    assert first != second


def test_devices_that_are_not_there():
    assert training.strategy_of(1).num_replicas_in_sync == 1
    with pytest.raises(ValueError, match="Training on 99 .PUs .* give a number from 1 to 1"):
        training.strategy_of(99)
    with pytest.raises(ValueError, match="Training on 0"):
        training.strategy_of(0)


def test_a_batch_that_cannot_be_shared():
    assert training.rows_at_once(512, 2, 16) == 16 and training.rows_at_once(12, 3, None) == 4
    with pytest.raises(ValueError, match="12 rows .* shared equally by 5 devices"):
        training.rows_at_once(12, 5, None)
    for size in (0, -2, 4, 7):
        with pytest.raises(ValueError, match=f"6 rows .*{size} at a time; choose a divisor of 6"):
            training.rows_at_once(12, 2, size)


@pytest.mark.parametrize(
    ("capability", "policy"),
    [((7, 5), "mixed_float16"), ((8, 0), "mixed_bfloat16"), ((9, 0), "mixed_bfloat16")],
)
def test_16_bits_are_those_that_the_gpu_has(capability, policy, monkeypatch):
    details = {"compute_capability": capability}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    assert training.half_policy() == policy
