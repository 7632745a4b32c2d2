"""Freed memory stays with the process: the next step finds its pages there."""

import subprocess
import sys

import pytest

TOUCH = """
import resource, sys
import numpy as np
{before}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def loop(count):
    for _ in range(count):
        np.ones(10_000_000)  # 80 MB, freed at once
def work():
    loop(2)
    begun = faults()
    loop(5)
    print(faults() - begun)
{run}
"""
MAIN = "work()"
# `fit` computes in threads.
THREAD = "import threading; t = threading.Thread(target=work); t.start(); t.join()"


def faults_of(before, run):
    """Runs the loop in a fresh process and returns its page faults."""
    command = [sys.executable, "-c", TOUCH.format(before=before, run=run)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("run", [MAIN, THREAD])
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is on Linux")
def test_a_large_array_finds_the_pages_of_the_last_one(monkeypatch, run):
    # The setting is for pages of 4 kB; numpy asks for huge ones, which hide what happens.
    monkeypatch.setenv("NUMPY_MADVISE_HUGEPAGE", "0")
    from gpt_tf import memory

    if not memory.keep_freed():
        pytest.skip("the C library is not glibc")
    usual, kept = faults_of("", run), faults_of("import gpt_tf", run)
    assert kept < usual / 10


def test_elsewhere_nothing_happens(monkeypatch):
    from gpt_tf import memory

    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.keep_freed() is False
