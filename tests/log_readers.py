"""Reads what `gpt_tf.logs` writes, for the tests."""

import csv

import tensorflow as tf


def read_csv(path):
    """Returns the rows of a CSV log as {column: float}, without the empty cells."""
    with open(path, encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def read_summaries(folder):
    """Returns the rows of a folder of summaries, in the order of writing."""
    rows = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                row = rows.setdefault(event.step, {"step": event.step})
                assert value.tag not in row, f"{value.tag} of step {event.step} is there twice"
                row[value.tag] = float(tf.make_ndarray(value.tensor))
    return list(rows.values())


READ = {"log.csv": read_csv, "board": read_summaries}
