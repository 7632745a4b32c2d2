"""Labelled tasks in one form, with their metrics and with baselines that know no word order.

The forms are GPT-1's (section 3.3, figure 1): classification, entailment, similarity and multiple
choice. A task comes from the generated world (`world_tasks`) or from a real data set
(`real_task`). Its metrics are those of scikit-learn and SciPy.
"""

import dataclasses
import math
import random
import re

import numpy as np

from gpt_tf import catalog, corpora, world
from gpt_tf.world import Example

FORMS = ("classification", "entailment", "similarity", "multiple_choice")


@dataclasses.dataclass(frozen=True)
class Task:
    """A labelled task.

    Args:
        name: str.
        form: str, one of `FORMS`: how its texts are laid out for the model.
        labels: tuple of str, names of the classes; of the positions, for multiple choice; empty
            for similarity.
        metric: str, one of `METRICS`: the one that the task is judged by.
        train: list of `Example`.
        validation: list of `Example`, those that `score` compares predictions with.
    """

    name: str
    form: str
    labels: tuple[str, ...]
    metric: str
    train: list[Example]
    validation: list[Example]

    @property
    def metrics(self):
        """tuple of str, all metrics that say something about the task, `metric` first."""
        others = {"similarity": ("pearson", "spearman"), "multiple_choice": ("accuracy",)}
        return tuple(dict.fromkeys((self.metric, *others.get(self.form, ("accuracy", "f1")))))


@dataclasses.dataclass(frozen=True)
class _Source:
    """How the rows of a data set become examples."""

    dataset: str
    form: str
    texts: tuple[str, ...]
    label: str
    labels: tuple[str, ...] = ()  # as written in the file
    names: tuple[str, ...] = ()  # as shown to people
    metric: str = "accuracy"
    splits: tuple[str, str] = ("train", "validation")
    test: str = ""  # where its labels are published
    joined: bool = False  # whether its texts have spaces around marks, to be taken out


_ENTAILMENT = ("entailment", "neutral", "contradiction")
_SENTIMENT = ("negative", "positive")
_PAIR = ("sentence1", "sentence2")
_SICK_PAIR = ("sentence_A", "sentence_B")
_REAL = {
    "sst2": _Source(
        "sst2",
        "classification",
        ("sentence",),
        "label",
        ("0", "1"),
        _SENTIMENT,
        test="test",
        joined=True,
    ),
    "cola": _Source(
        "cola",
        "classification",
        ("sentence",),
        "label",
        ("0", "1"),
        ("unacceptable", "acceptable"),
        "matthews",
    ),
    "nsmc": _Source(
        "nsmc",
        "classification",
        ("document",),
        "label",
        ("0", "1"),
        _SENTIMENT,
        splits=("train", "test"),
    ),
    "sick": _Source(
        "sick",
        "entailment",
        _SICK_PAIR,
        "entailment_judgment",
        tuple(name.upper() for name in _ENTAILMENT),
        _ENTAILMENT,
        test="test",
    ),
    "rte": _Source("rte", "entailment", _PAIR, "label", ("entailment", "not_entailment")),
    "snli": _Source(
        "snli",
        "entailment",
        ("premise", "hypothesis"),
        "label",
        ("0", "1", "2"),
        _ENTAILMENT,
        splits=("validation", ""),  # it has one split: cut by premise
    ),
    "kor_nli": _Source(
        "kor_nli",
        "entailment",
        _PAIR,
        "gold_label",
        _ENTAILMENT,
        splits=("validation", "test"),
    ),
    "sick_relatedness": _Source(
        "sick", "similarity", _SICK_PAIR, "relatedness_score", metric="pearson", test="test"
    ),
    "stsb": _Source("stsb", "similarity", _PAIR, "score", metric="pearson", test="test"),
    "kor_sts": _Source("kor_sts", "similarity", _PAIR, "score", metric="pearson", test="test"),
    "openbookqa": _Source("openbookqa", "multiple_choice", (), "", tuple("ABCD"), test="test"),
    "dream": _Source("dream", "multiple_choice", (), "", tuple("ABC"), test="test"),
}


def world_tasks(train=2000, validation=500, seed=0):
    """Writes the four tasks of the generated world.

    Args:
        train, validation: int, number of examples of each task.
        seed: int.

    Returns:
        List of four `Task`, one a form.

    Raises:
        ValueError: more examples than the world has.

    Example:
        >>> [task.form for task in world_tasks(10, 10)]
        ['classification', 'entailment', 'similarity', 'multiple_choice']
    """
    tasks = []
    for form in FORMS:
        metric = "pearson" if form == "similarity" else "accuracy"
        splits = [
            world.examples(form, count, seed, split)
            for count, split in ((train, "train"), (validation, "validation"))
        ]
        tasks.append(Task(f"world_{form}", form, world.LABELS[form], metric, *splits))
    return tasks


def real_names():
    """Lists the names that `real_task` knows.

    Returns:
        List of str.
    """
    return list(_REAL)


def real_task(name, limit=None, test=False):
    """Reads a task from a real data set of the catalog.

    kor_nli has no training file here: its development file is used for training and its test
    file for validation. snli has a development file only: every fifth premise is used for
    validation. nsmc has no validation file: its test file is used. The words of sst2 are put
    together again ("did n't , ..." becomes "didn't, ..."), as text is written elsewhere.

    Args:
        name: str, one of `real_names()`.
        limit: int or None, at most so many training examples (and as many for validation), drawn
            with seed 0.
        test: bool, take the set's test examples for validation, where their labels are published
            (not for cola and rte): for numbers to report, once all choices are made.

    Returns:
        A `Task`.

    Raises:
        ValueError: no such task, a limit below 1, or a row whose label is unknown.
        FileNotFoundError: a file that is on no disk and cannot be downloaded.

    Example:
        >>> task = real_task("sst2", limit=100)
    """
    if name not in _REAL:
        raise ValueError(f"There is no real task {name!r}; there are {', '.join(_REAL)}.")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}: ask for at least 1 example, or None for all.")
    source = _REAL[name]
    splits = (source.splits[0], source.test) if test and source.test else source.splits
    train, validation = (_read_split(source, split) for split in splits)
    if not source.splits[1]:
        train, validation = _cut_by_premise(train)
    labels = () if source.form == "similarity" else source.names or source.labels
    train, validation = drawn(train, limit), drawn(validation, limit)
    return Task(name, source.form, labels, source.metric, train, validation)


def real_tasks(limit=None):
    """Reads one real task of each form: sst2, sick, stsb and openbookqa.

    Args:
        limit: int or None, as for `real_task`.

    Returns:
        List of four `Task`.

    Raises:
        ValueError, FileNotFoundError: as `real_task`.

    Example:
        >>> tasks = real_tasks(limit=100)
    """
    return [real_task(name, limit) for name in ("sst2", "sick", "stsb", "openbookqa")]


def score(task, predictions, metric=None):
    """Scores predictions for the validation examples.

    Args:
        task: a `Task`.
        predictions: sequence of length N = len(task.validation): class or option indices (int),
            or similarity scores (float; any scale, since only the correlation counts).
        metric: str, one of `METRICS`, or None for the task's own. "accuracy" is the share that is
            right; "f1" the mean of the classes' F1, so that a rare class counts as much as a
            frequent one; "matthews", "pearson" and "spearman" are correlations.

    Returns:
        float: accuracy or F1 from 0 to 1, or a correlation from -1 to 1. A constant prediction has
        correlation 0.

    Raises:
        ValueError: another number of predictions than of examples, one that is no number, or no
            such metric.

    Example:
        >>> task = world_tasks(10, 4)[0]
        >>> score(task, [example.label for example in task.validation])
        1.0
    """
    truth = [example.label for example in task.validation]
    if len(predictions) != len(truth):
        raise ValueError(
            f"{task.name} has {len(truth)} validation examples, but there are {len(predictions)} "
            "predictions: give one for each, in their order."
        )
    predictions = [float(value) for value in predictions]
    if not all(map(math.isfinite, predictions)):
        raise ValueError(f"A prediction for {task.name} is not a finite number: training diverged.")
    metric = metric or task.metric
    if metric not in METRICS:
        raise ValueError(f"There is no metric {metric!r}; there are {', '.join(METRICS)}.")
    return METRICS[metric](truth, predictions)


def drawn(examples, most):
    """Draws at most `most` of some examples (int; None: all), the same ones at each call."""
    if most is None or len(examples) <= most:
        return examples
    return random.Random(0).sample(examples, most)


def resampled(task, predictions, metric=None, times=500, seed=0):
    """Scores predictions on validation examples drawn again with repetition (the bootstrap).

    The middle 95% of the scores say how sure a score is, as far as the choice of the examples goes.
    With the same seed the same examples are drawn, so that the difference of two results says how
    sure it is that one model is better than another.

    Args:
        task, predictions, metric: as in `score`.
        times: int, number of draws.
        seed: int.

    Returns:
        Float array of shape (times,).

    Raises:
        ValueError: as `score`.

    Example:
        >>> low, high = np.quantile(resampled(task, predictions), [0.025, 0.975])
    """
    score(task, predictions, metric)  # says what is wrong with them
    rng = np.random.default_rng(seed)
    truth = np.array([example.label for example in task.validation])
    predictions = np.asarray(predictions, "float64")
    measure = METRICS[metric or task.metric]
    draws = (rng.integers(0, len(truth), size=len(truth)) for _ in range(times))
    return np.array([measure(truth[drawn], predictions[drawn]) for drawn in draws])


def baselines(task, seed=0, predictions=False):
    """Scores what needs no model of language, to hold a model's score against.

    Args:
        task: a `Task`.
        seed: int, for scikit-learn.
        predictions: bool, return the predictions for the validation examples, not their scores.

    Returns:
        dict of name to float (or to a list of predictions): "majority" (the most frequent label of
        the training examples; for similarity the mean, whose correlation is 0), and "bag_of_words"
        (logistic regression, or ridge for similarity, on words and word pairs of one text; on the
        words of each of two texts, the words in both, and the share in both; for multiple choice on
        the words of each option, and their share that is in the context).

    Raises:
        ValueError: a task without training or validation examples.

    Example:
        >>> sorted(baselines(world_tasks(200, 50)[0]))
        ['bag_of_words', 'majority']
    """
    if not task.train or not task.validation:
        raise ValueError(f"{task.name} has no training or no validation examples.")
    labels = [example.label for example in task.train]
    if task.form == "similarity":
        constant = sum(labels) / len(labels)
    else:
        constant = max(sorted(set(labels)), key=labels.count)
    found = {
        "majority": [constant] * len(task.validation),
        "bag_of_words": list(_BAGS[task.form](task, seed)),
    }
    return found if predictions else {name: score(task, each) for name, each in found.items()}


# ----------------------------------------------------------------------------------- reading rows


def _read_split(source, split):
    if not split:
        return []
    rows = enumerate(catalog.load(source.dataset, split), 1)
    return [_example(source, row, f"{source.dataset} ({split}), row {i}") for i, row in rows]


def _example(source, row, where):
    if source.form == "multiple_choice":
        return _choice_example(source, row, where)
    texts = tuple(row[column] for column in source.texts)
    if source.joined:
        texts = tuple(corpora.join_tokens(text) for text in texts)
    written = row[source.label]
    if source.form == "similarity":
        return Example(texts, _number(written, where))
    return Example(texts, _index(written, source.labels, where))


def _choice_example(source, row, where):
    if source.dataset == "dream":
        context = "\n".join([*row["turns"], row["question"]])
        options = row["choice"]
        return Example((context, *options), _index(row["answer"], options, where))
    choices = row["question"]["choices"]
    names = [choice["label"] for choice in choices]
    texts = (row["question"]["stem"], *(choice["text"] for choice in choices))
    return Example(texts, _index(row["answerKey"], names, where))


def _index(written, known, where):
    if written not in known:
        raise ValueError(
            f"{where}: the label {written!r} is unknown; known are {', '.join(known)}. Correct or "
            "remove the row."
        )
    return list(known).index(written)


def _number(written, where):
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 5:
        raise ValueError(
            f"{where}: the label {written!r} is unknown; known are numbers from 0 to 5. Correct or "
            "remove the row."
        )
    return value


def _cut_by_premise(examples):
    """Sends every fifth premise to validation, so that no premise is in both."""
    premises = list(dict.fromkeys(example.texts[0] for example in examples))
    held_out = set(premises[::5])
    train = [example for example in examples if example.texts[0] not in held_out]
    return train, [example for example in examples if example.texts[0] in held_out]


# ---------------------------------------------------------------------------------------- metrics


def _accuracy(truth, predictions):
    return sum(t == p for t, p in zip(truth, predictions, strict=True)) / len(truth)


def _f1(truth, predictions):
    from sklearn.metrics import f1_score

    classes = [int(value) for value in truth], [int(value) for value in predictions]
    return float(f1_score(*classes, average="macro"))


def _matthews(truth, predictions):
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(truth, [int(value) for value in predictions]))


def _correlation(name):
    """Makes a metric of one of SciPy's correlations."""

    def correlation(truth, predictions):
        from scipy import stats

        if len(set(predictions)) < 2 or len(set(truth)) < 2:
            return 0.0  # a constant says nothing about order; scipy would return nan
        return float(getattr(stats, name)(truth, predictions).statistic)

    return correlation


METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "pearson": _correlation("pearsonr"),
    "spearman": _correlation("spearmanr"),
}


# -------------------------------------------------------------------------------------- baselines


def _words(text):
    return re.findall(r"\w+", text.lower())


def _bag(text, prefix=""):
    return {prefix + word: 1.0 for word in _words(text)}


def _pair_bag(first, second):
    """The words of each text, the words of both, and how much they share."""
    a, b = set(_words(first)), set(_words(second))
    bag = _bag(first, "1:") | _bag(second, "2:") | {f"both:{word}": 1.0 for word in a & b}
    bag["shared"] = len(a & b) / max(1, len(a | b))
    bag["only in 1"], bag["only in 2"] = len(a - b) / 10, len(b - a) / 10
    return bag


def _features(example):
    if len(example.texts) > 1:
        return _pair_bag(*example.texts)
    words = _words(example.texts[0])
    pairs = {f"{a} {b}": 1.0 for a, b in zip(words, words[1:], strict=False)}
    return _bag(example.texts[0]) | pairs


def _matrices(train, validation):
    from sklearn.feature_extraction import DictVectorizer

    vectorizer = DictVectorizer()
    return vectorizer.fit_transform(train), vectorizer.transform(validation)


def _classify(train, labels, validation, seed):
    from sklearn.linear_model import LogisticRegression

    train, validation = _matrices(train, validation)
    return LogisticRegression(max_iter=1000, random_state=seed).fit(train, labels), validation


def _bag_classes(task, seed):
    labels = [example.label for example in task.train]
    if len(set(labels)) == 1:
        return labels[:1] * len(task.validation)
    bags = [[_features(example) for example in part] for part in (task.train, task.validation)]
    model, validation = _classify(bags[0], labels, bags[1], seed)
    return model.predict(validation)


def _bag_scores(task, seed):
    from sklearn.linear_model import Ridge

    bags = [[_features(example) for example in part] for part in (task.train, task.validation)]
    train, validation = _matrices(*bags)
    labels = [example.label for example in task.train]
    return Ridge(random_state=seed).fit(train, labels).predict(validation)


def _option_bag(context, option):
    """The words of an option, how much of it is in the context, and its length."""
    words, known = _words(option), set(_words(context))
    bag = _bag(option)
    bag["overlap"] = sum(word in known for word in words) / max(1, len(words))
    bag["length"] = len(words) / 10
    return bag


def _bag_options(task, seed):
    """Learns which options are right one by one, then takes the likeliest of each question."""
    bags, rights = [], []
    for example in task.train:
        for index, option in enumerate(example.texts[1:]):
            bags.append(_option_bag(example.texts[0], option))
            rights.append(index == example.label)
    options = [
        _option_bag(example.texts[0], option)
        for example in task.validation
        for option in example.texts[1:]
    ]
    model, options = _classify(bags, rights, options, seed)
    chances = iter(model.predict_proba(options)[:, 1])
    chosen = []
    for example in task.validation:
        mine = [next(chances) for _ in example.texts[1:]]
        chosen.append(mine.index(max(mine)))
    return chosen


_BAGS = {
    "classification": _bag_classes,
    "entailment": _bag_classes,
    "similarity": _bag_scores,
    "multiple_choice": _bag_options,
}
