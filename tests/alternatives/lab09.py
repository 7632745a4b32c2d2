"""Known-right answers to lab 09, written differently."""

import itertools

import keras
import numpy as np

from gpt_tf import parts


@right("lab09.shorten", because="taking tokens away one by one from copies is the same")
def shorten(texts, room):
    texts = [list(text) for text in texts]
    if room < len(texts) or min(map(len, texts)) == 0:
        raise ValueError("no room for each text")
    while sum(len(text) for text in texts) > room:
        del max(texts, key=len)[0]
    return texts


@right("lab09.shorten", because="recursion is as good as a loop")
def shorten(texts, room):
    if room < len(texts) or [] in texts:
        raise ValueError("no room for each text")
    lengths = [len(text) for text in texts]
    if sum(lengths) <= room:
        return texts
    longest = lengths.index(max(lengths))
    return shorten([t[1:] if i == longest else t for i, t in enumerate(texts)], room)


@right("lab09.classification_input", because="an array that starts as padding will do")
def classification_input(text, tokens, length):
    text = shorten([text], length - 2)[0]
    row = np.full(length, tokens["pad"])
    row[: len(text) + 2] = [tokens["start"], *text, tokens["extract"]]
    return row.tolist()


@right(
    "lab09.classification_input", because="padding everywhere first, then cut off what is too much"
)
def classification_input(text, tokens, length):
    kept = shorten(texts=[text], room=length - 2)
    start, extract, pad = (tokens[name] for name in ("start", "extract", "pad"))
    return [start, *kept[0], extract, *[pad] * length][:length]


@right("lab09.entailment_input", because="padding may be put on token by token")
def entailment_input(premise, hypothesis, tokens, length):
    first, second = shorten([premise, hypothesis], length - 3)
    row = [tokens["start"]] + first + [tokens["delimiter"]] + second + [tokens["extract"]]
    while len(row) < length:
        row.append(tokens["pad"])
    return row


@right("lab09.entailment_input", because="an iterator that never ends pads, too")
def entailment_input(premise, hypothesis, tokens, length):
    texts = shorten((premise, hypothesis), length - 3)
    marks = tokens["start"], tokens["delimiter"]
    framed = [token for mark, text in zip(marks, texts, strict=True) for token in (mark, *text)]
    endless = itertools.chain(framed, [tokens["extract"]], itertools.repeat(tokens["pad"]))
    return list(itertools.islice(endless, length))


@right("lab09.similarity_inputs", because="two calls, a tuple")
def similarity_inputs(a, b, tokens, length):
    return entailment_input(a, b, tokens, length), entailment_input(b, a, tokens, length)


@right("lab09.similarity_inputs", because="all orders of two texts are these two")
def similarity_inputs(a, b, tokens, length):
    rows = []
    for first, second in itertools.permutations([a, b]):
        rows.append(entailment_input(first, second, tokens=tokens, length=length))
    return rows


@right("lab09.multiple_choice_inputs", because="a map over the answers")
def multiple_choice_inputs(context, answers, tokens, length):
    return list(map(lambda answer: entailment_input(context, answer, tokens, length), answers))


@right("lab09.multiple_choice_inputs", because="each row may be put together by hand")
def multiple_choice_inputs(context, answers, tokens, length):
    rows = np.full((len(answers), length), tokens["pad"])
    for row, answer in zip(rows, answers, strict=True):
        passage, choice = shorten([context, answer], length - 3)
        framed = [tokens["start"]] + passage + [tokens["delimiter"]] + choice + [tokens["extract"]]
        row[: len(framed)] = framed
    return rows.tolist()


@right("lab09.extract_state", because="an index for each row")
def extract_state(hidden, tokens, extract):
    position = keras.ops.argmax(keras.ops.cast(tokens == extract, "int32"), axis=1)
    return keras.ops.take_along_axis(hidden, position[:, None, None], axis=1)[:, 0]


@right("lab09.extract_state", because="a masked sum over positions")
def extract_state(hidden, tokens, extract):
    return keras.ops.sum(keras.ops.where((tokens == extract)[..., None], hidden, 0.0), axis=1)


@right("lab09.TaskHead", because="a sub-class for nothing: the cases may be written out")
class TaskHead(keras.layers.Layer):
    def __init__(self, form, num_classes=1, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        outputs = {
            "classification": num_classes,
            "entailment": num_classes,
            "similarity": num_classes,
            "multiple_choice": 1,
        }
        if form not in outputs:
            raise ValueError(f"no form {form}")
        self.form = form
        self.dropout = keras.layers.Dropout(dropout)
        start = keras.initializers.RandomNormal(0.0, 0.02)
        self.linear = keras.layers.Dense(outputs[form], kernel_initializer=start)

    def call(self, states):
        if self.form == "multiple_choice":
            scores = self.linear(self.dropout(states))
            return keras.ops.reshape(scores, keras.ops.shape(states)[:2])
        if self.form == "similarity":
            return self.linear(self.dropout(states[:, 0] + states[:, 1]))
        return self.linear(self.dropout(states[:, 0]))


@right("lab09.TaskHead", because="a sum of logits less the bias that came too often")
class TaskHead(keras.layers.Layer):
    def __init__(self, form, num_classes=1, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if form not in {"classification", "entailment", "similarity", "multiple_choice"}:
            raise ValueError(f"unknown form: {form}")
        self.each_row = form == "multiple_choice"
        self.dropout = keras.layers.Dropout(dropout)
        self.linear = keras.layers.Dense(
            1 if self.each_row else num_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, states):
        logits = self.linear(self.dropout(states))
        if self.each_row:
            return keras.ops.reshape(logits, states.shape[:2])
        return keras.ops.sum(logits, axis=1) - (states.shape[1] - 1) * self.linear.bias


@right("lab09.label_distribution", because="two one-hot rows, each with its share")
def label_distribution(labels, num_classes):
    labels = keras.ops.cast(labels, "float32")
    below = keras.ops.cast(keras.ops.floor(labels), "int32")
    share = (labels - keras.ops.floor(labels))[:, None]
    # One class more than there is takes the share 0 of the highest score.
    lower = keras.ops.one_hot(below, num_classes + 1) * (1 - share)
    return (lower + keras.ops.one_hot(below + 1, num_classes + 1) * share)[:, :num_classes]


@right("lab09.label_distribution", because="NumPy, example by example: targets have no gradient")
def label_distribution(labels, num_classes):
    rows = np.zeros((len(labels), num_classes), "float32")
    for row, label in zip(rows, np.asarray(labels, "float64"), strict=True):
        below = int(label)
        row[below] = 1 - (label - below)
        if label > below:
            row[below + 1] = label - below
    return rows


@right("lab09.task_loss", because="Keras's own cross-entropy")
def task_loss(targets, logits):
    return keras.ops.mean(keras.ops.categorical_crossentropy(targets, logits, from_logits=True))


@right("lab09.task_loss", because="logits against their log-sum-exp")
def task_loss(targets, logits):
    total = keras.ops.logsumexp(logits, axis=-1)
    return keras.ops.mean(total - keras.ops.einsum("bc,bc->b", targets, logits))


@right("lab09.language_loss", because="the same mean, written out")
def language_loss(tokens, logits, special):
    targets = tokens[:, 1:]
    losses = keras.ops.sparse_categorical_crossentropy(targets, logits[:, :-1], from_logits=True)
    counts = keras.ops.ones_like(losses)
    for token in special:
        counts = counts * keras.ops.cast(targets != token, "float32")
    return keras.ops.sum(losses * counts) / keras.ops.sum(counts)


@right("lab09.language_loss", because="each token may be compared with all special ones at once")
def language_loss(tokens, logits, special):
    found = keras.ops.equal(keras.ops.expand_dims(tokens, -1), keras.ops.array(special))
    return parts.next_token_loss(tokens, logits, ~keras.ops.any(found, axis=-1))


@right("lab09.combined_loss", because="the order of a sum does not matter")
def combined_loss(task_loss, language_loss, weight=0.5):
    return language_loss * weight + task_loss


@right("lab09.combined_loss", because="Keras's operations, one after the other")
def combined_loss(task_loss, language_loss, weight=0.5):
    extra = keras.ops.multiply(weight, language_loss)
    return keras.ops.add(task_loss, extra)
