"""What a lab's notebook calls: `start` once, then `check` after each exercise."""

import importlib.util
import os
import pathlib
import subprocess
import sys

from gpt_tf import parts as parts_module
from gpt_tf import quiet
from gpt_tf.course import extract, layout

# Import name of each package that the labs need, and what pip calls it.
NEEDED = {
    "tensorflow": "tensorflow>=2.19",
    "keras": "keras>=3.10,<4",
    "keras_hub": "keras-nlp>=0.21",
    "regex": "regex",
    "matplotlib": "matplotlib",
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
    "pytest": "pytest>=8",
}


def start(lab, parts="mine"):
    """Readies a notebook: installs only what is missing, seeds, chooses whose parts to use.

    Args:
        lab: int, the lab's number.
        parts: "mine" (your green answers where you have them, else the solutions) or "solutions".

    Raises:
        ValueError: no such lab, or another word for `parts`.

    Example:
        >>> start(lab=5, parts="mine")
    """
    stem = layout.lab_stem(lab)
    os.environ["GPT_TF_PARTS"] = parts
    parts_module.mode()
    # Before TensorFlow is imported: a package replaced later would need a restart.
    missing = [pip for name, pip in NEEDED.items() if importlib.util.find_spec(name) is None]
    if missing:
        print("Installing", ", ".join(missing))
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", *missing], check=True)
    quiet.load_tensorflow()
    import keras

    keras.utils.set_random_seed(lab)
    print(f"Lab {stem[:2]} is ready: TensorFlow {_version()}, Keras {keras.__version__}.")


def check(exercise, hint=1):
    """Tests your answer with the very test that grading runs, and prints the verdict.

    A green answer is saved under `my_work/`, where later labs find it.

    Args:
        exercise: str, such as "lab04.causal_mask".
        hint: int, 1 to 3; a higher one says more.

    Raises:
        ValueError: there is no such exercise.

    Example:
        >>> check("lab04.causal_mask")
        lab04.causal_mask   passed   2/2
    """
    from gpt_tf.course import runner, submission

    runner.tests_of(exercise)
    source = live_source()
    result = runner.run(exercise, submission.Submission(source))
    print(result.report(hint))
    if result.status == "passed" and parts_module.mode() == "mine":
        saved = parts_module.saved_file(layout.exercises()[exercise])
        layout.write(saved, source.text())


def live_source():
    """Returns the definitions of the running notebook (or script), as its text has them."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        history = enumerate(shell.user_ns["In"])
        return extract.from_cells(
            "this notebook", [extract.Cell(f"In [{i}]", text) for i, text in history if text]
        )
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None:
        raise RuntimeError("check() reads your answer from a notebook or a script; run it in one.")
    return extract.from_file(pathlib.Path(script))


def short():
    """Returns whether labs should run their short setting (GPT_TF_SHORT=1), as CI does."""
    return os.environ.get("GPT_TF_SHORT", "0") not in ("", "0")


def _version():
    import tensorflow as tf

    return tf.__version__
