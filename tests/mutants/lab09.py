"""Known-wrong answers to lab 09, and the misconception that each must draw."""

import keras
import numpy as np

from gpt_tf import parts


@wrong("lab09.shorten", draws="shorten.cuts-the-end")
def shorten(texts, room):
    if not all(texts) or room < len(texts):
        raise ValueError("too short")
    texts = [list(text) for text in texts]
    while sum(map(len, texts)) > room:
        max(texts, key=len).pop()
    return texts


@wrong("lab09.shorten", draws="shorten.first-only")
def shorten(texts, room):
    if not all(texts) or room < len(texts):
        raise ValueError("too short")
    excess = max(0, sum(map(len, texts)) - room)
    return [texts[0][excess:], *texts[1:]]


@wrong("lab09.shorten", draws="shorten.equal-shares")
def shorten(texts, room):
    if not all(texts) or room < len(texts):
        raise ValueError("too short")
    return [text[-(room // len(texts)) :] for text in texts]


@wrong("lab09.shorten", draws="shorten.last-text-lost")
def shorten(texts, room):
    if not all(texts) or room < len(texts):
        raise ValueError("too short")
    kept = []
    for text in texts:
        size = min(len(text), room)
        kept.append(text[len(text) - size :])
        room -= size
    return kept


@wrong("lab09.shorten", draws="shorten.nothing-cut")
def shorten(texts, room):
    if not all(texts) or room < len(texts):
        raise ValueError("too short")
    return texts


@wrong("lab09.shorten", draws="shorten.later-first")
def shorten(texts, room):
    if not all(texts) or room < len(texts):
        raise ValueError("too short")
    texts = [list(text) for text in texts]
    while sum(map(len, texts)) > room:
        longest = max(map(len, texts))
        next(text for text in reversed(texts) if len(text) == longest).pop(0)
    return texts


@wrong("lab09.shorten", draws="shorten.no-error")
def shorten(texts, room):
    texts = [list(text) for text in texts]
    while sum(map(len, texts)) > room:
        max(texts, key=len).pop(0)
    return texts


@wrong("lab09.shorten", draws="argument.changed")
def shorten(texts, room):
    if not all(texts) or room < len(texts):
        raise ValueError("too short")
    while sum(map(len, texts)) > room:
        max(texts, key=len).pop(0)
    return texts


@wrong("lab09.classification_input", draws="input.no-start")
def classification_input(text, tokens, length):
    (text,) = shorten([text], length - 1)
    row = [*text, tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.classification_input", draws="input.no-extract")
def classification_input(text, tokens, length):
    (text,) = shorten([text], length - 1)
    row = [tokens["start"], *text]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.classification_input", draws="input.not-padded")
def classification_input(text, tokens, length):
    (text,) = shorten([text], length - 2)
    return [tokens["start"], *text, tokens["extract"]]


@wrong("lab09.classification_input", draws="input.padding-in-front")
def classification_input(text, tokens, length):
    (text,) = shorten([text], length - 2)
    row = [tokens["start"], *text, tokens["extract"]]
    return [tokens["pad"]] * (length - len(row)) + row


@wrong("lab09.classification_input", draws="input.extract-behind-padding")
def classification_input(text, tokens, length):
    (text,) = shorten([text], length - 2)
    padding = [tokens["pad"]] * (length - 2 - len(text))
    return [tokens["start"], *text, *padding, tokens["extract"]]


@wrong("lab09.classification_input", draws="input.extract-cut-off")
def classification_input(text, tokens, length):
    row = [tokens["start"], *text, tokens["extract"]][:length]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.classification_input", draws="input.start-cut-off")
def classification_input(text, tokens, length):
    row = [tokens["start"], *text, tokens["extract"]][-length:]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.classification_input", draws="input.cuts-the-end")
def classification_input(text, tokens, length):
    row = [tokens["start"], *text[: length - 2], tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.classification_input", draws="input.delimiter-for-extract")
def classification_input(text, tokens, length):
    (text,) = shorten([text], length - 2)
    row = [tokens["start"], *text, tokens["delimiter"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.classification_input", draws="input.no-error")
def classification_input(text, tokens, length):
    row = [tokens["start"], *text[-(length - 2) :], tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.classification_input", draws="argument.changed")
def classification_input(text, tokens, length):
    (row,) = shorten([text], length - 2) if len(text) > length - 2 else [text]
    row.insert(0, tokens["start"])
    row.append(tokens["extract"])
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.swapped-texts")
def entailment_input(premise, hypothesis, tokens, length):
    premise, hypothesis = shorten([premise, hypothesis], length - 3)
    row = [tokens["start"], *hypothesis, tokens["delimiter"], *premise, tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.no-delimiter")
def entailment_input(premise, hypothesis, tokens, length):
    premise, hypothesis = shorten([premise, hypothesis], length - 2)
    row = [tokens["start"], *premise, *hypothesis, tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.two-starts")
def entailment_input(premise, hypothesis, tokens, length):
    premise, hypothesis = shorten([premise, hypothesis], length - 3)
    row = [tokens["start"], *premise, tokens["start"], *hypothesis, tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.no-extract")
def entailment_input(premise, hypothesis, tokens, length):
    premise, hypothesis = shorten([premise, hypothesis], length - 2)
    row = [tokens["start"], *premise, tokens["delimiter"], *hypothesis]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.second-text-cut")
def entailment_input(premise, hypothesis, tokens, length):
    row = [tokens["start"], *premise, tokens["delimiter"], *hypothesis, tokens["extract"]][:length]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.extract-cut-off")
def entailment_input(premise, hypothesis, tokens, length):
    premise, hypothesis = shorten([premise, hypothesis], length - 2)
    row = [tokens["start"], *premise, tokens["delimiter"], *hypothesis, tokens["extract"]][:length]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.cuts-the-end")
def entailment_input(premise, hypothesis, tokens, length):
    row = [tokens["start"], *premise, tokens["delimiter"], *hypothesis, tokens["extract"]]
    room = length - 3 - len(hypothesis)
    if room < len(premise):
        row = [tokens["start"], *premise[:room], tokens["delimiter"], *hypothesis]
        row += [tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.entailment_input", draws="input.no-error")
def entailment_input(premise, hypothesis, tokens, length):
    if premise and hypothesis:
        premise, hypothesis = shorten([premise, hypothesis], length - 3)
    row = [tokens["start"], *premise, tokens["delimiter"], *hypothesis, tokens["extract"]]
    return row + [tokens["pad"]] * (length - len(row))


@wrong("lab09.similarity_inputs", draws="similarity.one-order-twice")
def similarity_inputs(a, b, tokens, length):
    return [entailment_input(a, b, tokens, length) for _ in range(2)]


@wrong("lab09.similarity_inputs", draws="similarity.one-order")
def similarity_inputs(a, b, tokens, length):
    return [entailment_input(a, b, tokens, length)]


@wrong("lab09.similarity_inputs", draws="similarity.one-row")
def similarity_inputs(a, b, tokens, length):
    return entailment_input(a, b, tokens, length)


@wrong("lab09.similarity_inputs", draws="similarity.orders-swapped")
def similarity_inputs(a, b, tokens, length):
    return [entailment_input(b, a, tokens, length), entailment_input(a, b, tokens, length)]


@wrong("lab09.similarity_inputs", draws="similarity.row-reversed")
def similarity_inputs(a, b, tokens, length):
    row = entailment_input(a, b, tokens, length)
    return [row, row[::-1]]


@wrong("lab09.similarity_inputs", draws="similarity.texts-reversed")
def similarity_inputs(a, b, tokens, length):
    forward = entailment_input(a, b, tokens, length)
    return [forward, entailment_input(b[::-1], a[::-1], tokens, length)]


@wrong("lab09.similarity_inputs", draws="similarity.one-cut-for-both")
def similarity_inputs(a, b, tokens, length):
    a, b = shorten([a, b], length - 3)
    return [entailment_input(a, b, tokens, length), entailment_input(b, a, tokens, length)]


@wrong("lab09.multiple_choice_inputs", draws="choice.one-row")
def multiple_choice_inputs(context, answers, tokens, length):
    everything = [token for answer in answers for token in answer]
    return [entailment_input(context, everything, tokens, max(length, 12))]


@wrong("lab09.multiple_choice_inputs", draws="choice.without-context")
def multiple_choice_inputs(context, answers, tokens, length):
    return [classification_input(answer, tokens, length) for answer in answers]


@wrong("lab09.multiple_choice_inputs", draws="choice.answer-first")
def multiple_choice_inputs(context, answers, tokens, length):
    return [entailment_input(answer, context, tokens, length) for answer in answers]


@wrong("lab09.multiple_choice_inputs", draws="choice.first-answer-only")
def multiple_choice_inputs(context, answers, tokens, length):
    return [entailment_input(context, answers[0], tokens, length)]


@wrong("lab09.multiple_choice_inputs", draws="choice.flat")
def multiple_choice_inputs(context, answers, tokens, length):
    rows = []
    for answer in answers:
        rows += entailment_input(context, answer, tokens, length)
    return rows


@wrong("lab09.multiple_choice_inputs", draws="choice.one-cut-for-all")
def multiple_choice_inputs(context, answers, tokens, length):
    longest = max(answers, key=len)
    context, _ = shorten([context, longest], length - 3)
    return [entailment_input(context, answer, tokens, length) for answer in answers]


@wrong("lab09.extract_state", draws="extract.last-position")
def extract_state(hidden, tokens, extract):
    return hidden[:, -1]


@wrong("lab09.extract_state", draws="extract.first-position")
def extract_state(hidden, tokens, extract):
    return hidden[:, 0]


@wrong("lab09.extract_state", draws="extract.mean")
def extract_state(hidden, tokens, extract):
    return keras.ops.mean(hidden, axis=1)


@wrong("lab09.extract_state", draws="extract.token-before")
def extract_state(hidden, tokens, extract):
    position = keras.ops.argmax(keras.ops.cast(tokens == extract, "int32"), axis=1) - 1
    return keras.ops.take_along_axis(hidden, position[:, None, None], axis=1)[:, 0]


@wrong("lab09.extract_state", draws="extract.one-place-for-all")
def extract_state(hidden, tokens, extract):
    position = int(keras.ops.argmax(keras.ops.cast(tokens[0] == extract, "int32")))
    return hidden[:, position]


@wrong("lab09.extract_state", draws="extract.token-behind")
def extract_state(hidden, tokens, extract):
    position = keras.ops.argmax(keras.ops.cast(tokens == extract, "int32"), axis=1) + 1
    position = keras.ops.minimum(position, tokens.shape[1] - 1)
    return keras.ops.take_along_axis(hidden, position[:, None, None], axis=1)[:, 0]


@wrong("lab09.extract_state", draws="tensor.needs-values")
def extract_state(hidden, tokens, extract):
    position = [row.tolist().index(extract) for row in np.asarray(tokens)]
    return keras.ops.stack([hidden[i, t] for i, t in enumerate(position)])


class Head(keras.layers.Layer):
    """What the wrong heads below have in common; `call` is missing."""

    def __init__(self, form, num_classes=1, dropout=0.1, stddev=0.02, **kwargs):
        super().__init__(**kwargs)
        if form not in ("classification", "entailment", "similarity", "multiple_choice"):
            raise ValueError("no such form")
        self.form = form
        self.dropout = keras.layers.Dropout(dropout)
        self.linear = keras.layers.Dense(
            1 if form == "multiple_choice" else num_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=stddev),
        )

    def rows(self, states):
        return self.linear(self.dropout(states))[..., 0]

    def added(self, states):
        return self.linear(self.dropout(keras.ops.sum(states, axis=1)))

    def call(self, states):
        return self.rows(states) if self.form == "multiple_choice" else self.added(states)


@wrong("lab09.TaskHead", draws="head.softmax")
class TaskHead(Head):
    def call(self, states):
        return keras.ops.softmax(super().call(states))


@wrong("lab09.TaskHead", draws="head.mean-of-rows")
class TaskHead(Head):
    def call(self, states):
        if self.form == "multiple_choice":
            return self.rows(states)
        return self.linear(self.dropout(keras.ops.mean(states, axis=1)))


@wrong("lab09.TaskHead", draws="head.first-row-only")
class TaskHead(Head):
    def call(self, states):
        if self.form == "multiple_choice":
            return self.rows(states)
        return self.linear(self.dropout(states[:, 0]))


@wrong("lab09.TaskHead", draws="head.product-of-rows")
class TaskHead(Head):
    def call(self, states):
        if self.form == "multiple_choice":
            return self.rows(states)
        return self.linear(self.dropout(keras.ops.prod(states, axis=1)))


@wrong("lab09.TaskHead", draws="head.adds-logits")
class TaskHead(Head):
    def call(self, states):
        if self.form == "multiple_choice":
            return self.rows(states)
        return keras.ops.sum(self.linear(self.dropout(states)), axis=1)


@wrong("lab09.TaskHead", draws="head.keeps-rows")
class TaskHead(Head):
    def call(self, states):
        return self.rows(states) if self.form == "multiple_choice" else self.linear(states)


@wrong("lab09.TaskHead", draws="head.answers-added")
class TaskHead(Head):
    def call(self, states):
        return self.added(states)


@wrong("lab09.TaskHead", draws="head.keeps-last-axis")
class TaskHead(Head):
    def call(self, states):
        if self.form == "multiple_choice":
            return self.linear(self.dropout(states))
        return self.added(states)


@wrong("lab09.TaskHead", draws="head.initial-scale")
class TaskHead(Head):
    def __init__(self, form, num_classes=1, dropout=0.1, **kwargs):
        super().__init__(form, num_classes, dropout, stddev=0.1, **kwargs)


@wrong("lab09.TaskHead", draws="head.no-dropout")
class TaskHead(Head):
    def call(self, states):
        if self.form == "multiple_choice":
            return self.linear(states)[..., 0]
        return self.linear(keras.ops.sum(states, axis=1))


@wrong("lab09.TaskHead", draws="head.dropout-on-logits")
class TaskHead(Head):
    def call(self, states):
        if self.form == "multiple_choice":
            return self.dropout(self.linear(states)[..., 0])
        return self.dropout(self.linear(keras.ops.sum(states, axis=1)))


@wrong("lab09.TaskHead", draws="head.any-form")
class TaskHead(Head):
    def __init__(self, form, num_classes=1, dropout=0.1, **kwargs):
        known = form in ("entailment", "similarity", "multiple_choice")
        super().__init__(form if known else "classification", num_classes, dropout, **kwargs)


@wrong("lab09.TaskHead", draws="head.no-bias")
class TaskHead(Head):
    def build(self, shape):
        self.linear.build(shape)

    def call(self, states):
        if self.form == "multiple_choice":
            return self.rows(states)
        states = self.dropout(keras.ops.sum(states, axis=1))
        return keras.ops.matmul(states, self.linear.kernel)


@wrong("lab09.TaskHead", draws="head.dropout-always")
class TaskHead(Head):
    def call(self, states):
        states = self.dropout(states, training=True)
        if self.form == "multiple_choice":
            return self.linear(states)[..., 0]
        return self.linear(keras.ops.sum(states, axis=1))


@wrong("lab09.TaskHead", draws="head.dropout-rate")
class TaskHead(Head):
    def __init__(self, form, num_classes=1, dropout=0.1, **kwargs):
        super().__init__(form, num_classes, **kwargs)
        self.dropout = keras.layers.Dropout(0.1)


@wrong("lab09.label_distribution", draws="targets.nearest-class")
def label_distribution(labels, num_classes):
    whole = keras.ops.cast(keras.ops.floor(labels + 0.5), "int32")
    return keras.ops.one_hot(whole, num_classes)


@wrong("lab09.label_distribution", draws="targets.class-below")
def label_distribution(labels, num_classes):
    return keras.ops.one_hot(keras.ops.cast(labels, "int32"), num_classes)


@wrong("lab09.label_distribution", draws="targets.mirrored")
def label_distribution(labels, num_classes):
    labels = keras.ops.cast(labels, "float32")
    below = keras.ops.floor(labels)
    share = (labels - below)[:, None]
    lower = keras.ops.one_hot(keras.ops.cast(below, "int32"), num_classes)
    upper = keras.ops.one_hot(keras.ops.cast(keras.ops.ceil(labels), "int32"), num_classes)
    return keras.ops.where(share > 0, share * lower + (1 - share) * upper, lower)


@wrong("lab09.label_distribution", draws="targets.numbers")
def label_distribution(labels, num_classes):
    return labels


@wrong("lab09.label_distribution", draws="targets.classes-from-one")
def label_distribution(labels, num_classes):
    labels = keras.ops.cast(labels, "float32")[:, None]
    classes = keras.ops.arange(1, num_classes + 1, dtype="float32")
    return keras.ops.maximum(0.0, 1.0 - keras.ops.abs(labels - classes))


@wrong("lab09.label_distribution", draws="targets.transposed")
def label_distribution(labels, num_classes):
    labels = keras.ops.cast(labels, "float32")
    classes = keras.ops.arange(num_classes, dtype="float32")[:, None]
    return keras.ops.maximum(0.0, 1.0 - keras.ops.abs(labels - classes))


@wrong("lab09.task_loss", draws="task-loss.sign")
def task_loss(targets, logits):
    return keras.ops.mean(keras.ops.sum(targets * keras.ops.log_softmax(logits), axis=-1))


@wrong("lab09.task_loss", draws="task-loss.sum")
def task_loss(targets, logits):
    return -keras.ops.sum(targets * keras.ops.log_softmax(logits))


@wrong("lab09.task_loss", draws="task-loss.mean-over-classes")
def task_loss(targets, logits):
    return -keras.ops.mean(targets * keras.ops.log_softmax(logits))


@wrong("lab09.task_loss", draws="task-loss.softmax-twice")
def task_loss(targets, logits):
    log_probabilities = keras.ops.log_softmax(keras.ops.softmax(logits))
    return -keras.ops.mean(keras.ops.sum(targets * log_probabilities, axis=-1))


@wrong("lab09.task_loss", draws="task-loss.no-softmax")
def task_loss(targets, logits):
    return -keras.ops.mean(keras.ops.sum(targets * logits, axis=-1))


@wrong("lab09.task_loss", draws="task-loss.largest-class-only")
def task_loss(targets, logits):
    labels = keras.ops.argmax(targets, axis=-1)
    return keras.ops.mean(
        keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    )


@wrong("lab09.task_loss", draws="task-loss.squared-error")
def task_loss(targets, logits):
    return keras.ops.mean(keras.ops.square(keras.ops.softmax(logits) - targets))


@wrong("lab09.task_loss", draws="task-loss.log-of-zero")
def task_loss(targets, logits):
    log_probabilities = keras.ops.log(keras.ops.softmax(logits))
    terms = keras.ops.where(targets > 0, targets * log_probabilities, 0.0)
    return -keras.ops.mean(keras.ops.sum(terms, axis=-1))


@wrong("lab09.task_loss", draws="task-loss.no-log")
def task_loss(targets, logits):
    return -keras.ops.mean(keras.ops.sum(targets * keras.ops.softmax(logits), axis=-1))


@wrong("lab09.task_loss", draws="task-loss.log-of-almost-zero")
def task_loss(targets, logits):
    probabilities = keras.ops.clip(keras.ops.softmax(logits), 1e-7, 1.0)
    return -keras.ops.mean(keras.ops.sum(targets * keras.ops.log(probabilities), axis=-1))


@wrong("lab09.task_loss", draws="tensor.needs-values")
def task_loss(targets, logits):
    logits = np.asarray(logits)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -np.mean(np.sum(np.asarray(targets) * log_p, axis=-1))


@wrong("lab09.language_loss", draws="language.everything-counts")
def language_loss(tokens, logits, special):
    return parts.next_token_loss(tokens, logits)


@wrong("lab09.language_loss", draws="language.everything-counts")
def language_loss(tokens, logits, special):
    # `or` where `and` is meant: no token equals all of them.
    is_text = keras.ops.zeros_like(tokens, dtype="bool")
    for token in special:
        is_text = keras.ops.logical_or(is_text, keras.ops.not_equal(tokens, token))
    return parts.next_token_loss(tokens, logits, mask=is_text)


@wrong("lab09.language_loss", draws="language.frame-counts")
def language_loss(tokens, logits, special):
    # Takes the token that fills the rows' ends for the only one that matters.
    padding = tokens[0, -1]
    return parts.next_token_loss(tokens, logits, mask=keras.ops.not_equal(tokens, padding))


@wrong("lab09.language_loss", draws="language.special-only")
def language_loss(tokens, logits, special):
    found = keras.ops.any(keras.ops.equal(tokens[:, :, None], keras.ops.array(special)), axis=-1)
    return parts.next_token_loss(tokens, logits, mask=found)


@wrong("lab09.language_loss", draws="language.no-shift")
def language_loss(tokens, logits, special):
    losses = keras.ops.sparse_categorical_crossentropy(tokens, logits, from_logits=True)
    is_special = keras.ops.any(tokens[:, :, None] == keras.ops.array(special), axis=-1)
    counts = 1.0 - keras.ops.cast(is_special, "float32")
    return keras.ops.sum(losses * counts) / keras.ops.sum(counts)


@wrong("lab09.language_loss", draws="language.zero-but-counted")
def language_loss(tokens, logits, special):
    losses = keras.ops.sparse_categorical_crossentropy(
        tokens[:, 1:], logits[:, :-1], from_logits=True
    )
    is_special = keras.ops.any(tokens[:, 1:, None] == keras.ops.array(special), axis=-1)
    return keras.ops.mean(keras.ops.where(is_special, 0.0, losses))


@wrong("lab09.language_loss", draws="task-loss.sign")
def language_loss(tokens, logits, special):
    is_special = keras.ops.any(tokens[:, :, None] == keras.ops.array(special), axis=-1)
    return -parts.next_token_loss(tokens, logits, mask=~is_special)


@wrong("lab09.language_loss", draws="language.mask-of-inputs")
def language_loss(tokens, logits, special):
    losses = keras.ops.sparse_categorical_crossentropy(
        tokens[:, 1:], logits[:, :-1], from_logits=True
    )
    is_special = keras.ops.any(tokens[:, :-1, None] == keras.ops.array(special), axis=-1)
    counts = 1.0 - keras.ops.cast(is_special, "float32")
    return keras.ops.sum(losses * counts) / keras.ops.sum(counts)


@wrong("lab09.language_loss", draws="language.mean-of-rows")
def language_loss(tokens, logits, special):
    losses = keras.ops.sparse_categorical_crossentropy(
        tokens[:, 1:], logits[:, :-1], from_logits=True
    )
    is_special = keras.ops.any(tokens[:, 1:, None] == keras.ops.array(special), axis=-1)
    counts = 1.0 - keras.ops.cast(is_special, "float32")
    return keras.ops.mean(keras.ops.sum(losses * counts, axis=1) / keras.ops.sum(counts, axis=1))


@wrong("lab09.combined_loss", draws="combined.mix")
def combined_loss(task_loss, language_loss, weight=0.5):
    return (1 - weight) * task_loss + weight * language_loss


@wrong("lab09.combined_loss", draws="combined.weight-on-task")
def combined_loss(task_loss, language_loss, weight=0.5):
    return weight * task_loss + language_loss


@wrong("lab09.combined_loss", draws="combined.no-weight")
def combined_loss(task_loss, language_loss, weight=0.5):
    return task_loss + language_loss


@wrong("lab09.combined_loss", draws="combined.difference")
def combined_loss(task_loss, language_loss, weight=0.5):
    return task_loss - weight * language_loss


@wrong("lab09.combined_loss", draws="combined.weight-on-both")
def combined_loss(task_loss, language_loss, weight=0.5):
    return weight * (task_loss + language_loss)


@wrong("lab09.combined_loss", draws="tensor.needs-values")
def combined_loss(task_loss, language_loss, weight=0.5):
    return float(task_loss) + weight * float(language_loss)
