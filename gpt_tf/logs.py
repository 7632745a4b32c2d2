"""Logs of a run of pre-training for other programs: a CSV file, or summaries for TensorBoard.

A log begins with all rows of the run so far, which the checkpoint knows. So a run that was killed
and goes on has each row once, whatever it had written since its last checkpoint.
"""

import csv
import io
import pathlib

import tensorflow as tf

from gpt_tf.course import layout

COLUMNS = ("step", "learning_rate", "loss", "validation_loss")


def open_log(path, rows):
    """Opens a log.

    Args:
        path: str or path: a CSV file where it ends in .csv, else a folder for TensorBoard.
        rows: list of dict {column: number} with a step each, what the run has logged so far; a
            column without a value is missing. What another run left at the path is replaced.

    Returns:
        `CSV` or `TensorBoard`, with `add(row)` and `close()`.

    Raises:
        OSError: the path cannot be written.

    Example:
        >>> log = open_log("runs/mine/log.csv", [])
        >>> log.add({"step": 10, "learning_rate": 1e-3, "loss": 2.5})
    """
    path = pathlib.Path(path)
    return (CSV if path.suffix == ".csv" else TensorBoard)(path, rows)


class CSV:
    """A table with a line for each logged step; an empty cell where nothing was measured."""

    def __init__(self, path, rows):
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        layout.write(path, text.getvalue())
        self.file = open(path, "a", encoding="utf-8", newline="")
        self.writer = csv.DictWriter(self.file, COLUMNS, lineterminator="\n")

    def add(self, row):
        """Writes one row, at once: whoever reads the file sees it."""
        self.writer.writerow(row)
        self.file.flush()

    def close(self):
        """Closes the file."""
        self.file.close()


class TensorBoard:
    """Scalars for `tensorboard --logdir FOLDER`, which need not be installed to write them."""

    def __init__(self, folder, rows):
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self.writer = tf.summary.create_file_writer(str(folder))
        # What tf.summary.scalar adds; that function itself is a part of the tensorboard package.
        self.metadata = tf.compat.v1.SummaryMetadata(data_class="DATA_CLASS_SCALAR")
        self.metadata.plugin_data.plugin_name = "scalars"
        for row in rows:
            self.add(row)

    def add(self, row):
        """Writes the values of one step."""
        with self.writer.as_default(step=row["step"]):
            for name, value in row.items():
                if name != "step":
                    tf.summary.write(name, tf.constant(value, tf.float32), metadata=self.metadata)
        self.writer.flush()

    def close(self):
        """Closes the writer."""
        self.writer.close()
