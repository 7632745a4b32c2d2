"""Simple questions about the generated world: asked, or taught as tasks.

Asked, the next word answers them, and nothing is trained: so GPT-1 follows what its model can do
while it is pre-trained (section 5, figure 2, right). Taught, they are tasks to fine-tune on, easy
enough for a model of a million parameters. The chances of the words are lab 10's, reached through
`parts`.
"""

import dataclasses
import random

import numpy as np

from gpt_tf import parts, world
from gpt_tf.compiling import compile_once
from gpt_tf.tasks import Task
from gpt_tf.world import Example, lexicon

_BATCH = 32


@dataclasses.dataclass(frozen=True)
class Questions:
    """Texts that each end where one word decides.

    Args:
        name: str, as shown to people.
        prompts: tuple of str.
        words: tuple of tuples of str, each prompt's label words, with the space before them.
        answers: tuple of int, the right one's place among them.
    """

    name: str
    prompts: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    answers: tuple[int, ...]

    @property
    def chance(self):
        """float, the accuracy of guessing."""
        return float(np.mean([1 / len(words) for words in self.words]))


def questions(count=200, seed=0):
    """Writes four sets of questions.

    Args:
        count: int, at most so many of each.
        seed: int, of the choice.

    Returns:
        List of four `Questions`. "kind": is a plum a fruit, a tool, an animal? "word": is "dismal"
        a word for something good or bad? "pronoun": is Anna a she? "reading": who did it, of four
        people in a passage.

    Example:
        >>> questions(count=1)[1].words
        ((' good', ' bad'),)
    """
    rng = random.Random(f"questions/{seed}")
    found = []
    for name, write in _QUESTIONS.items():
        rows = write(rng)
        rows = rng.sample(rows, min(count, len(rows)))
        found.append(Questions(name, *zip(*rows, strict=True)))
    return found


def _ask_kinds(rng):
    rows = []
    for kind in lexicon.kinds().values():
        # Wrong ones that "a" or "an" does not give away.
        article, noun = lexicon.an(kind.noun).split(" ", 1)
        others = [k.noun for k in lexicon.kinds().values() if k is not kind]
        others = [other for other in others if lexicon.an(other).startswith(f"{article} ")]
        for thing in (*kind.words, *kind.held_out) if len(others) > 2 else ():
            words = tuple(f" {word}" for word in rng.sample([*rng.sample(others, 3), noun], 4))
            prompt = f"{lexicon.capital(lexicon.an(thing))} is {article}"
            rows.append((prompt, words, words.index(f" {noun}")))
    return rows


def _ask_words(_rng):
    return [
        (f"{lexicon.capital(word)} is a word for something", (" good", " bad"), answer)
        for answer, words in enumerate(_adjectives())
        for word, _ in words
    ]


def _ask_pronouns(_rng):
    return [(text, (" She", " He"), answer) for text, answer, _ in _people()]


def _ask_passages(rng):
    rows = []
    for example in world.examples("multiple_choice", 800, rng.randrange(1000), "validation"):
        passage, asks, question = example.texts[0].rpartition(" Who ")
        if asks:
            words = tuple(f" {name}" for name in example.texts[1:])
            rows.append((f"{passage}\nQ: Who {question} A:", words, example.label))
    return rows


_QUESTIONS = {
    "kind": _ask_kinds,
    "word": _ask_words,
    "pronoun": _ask_pronouns,
    "reading": _ask_passages,
}


def easy_tasks(train=256, validation=200, seed=0):
    """Makes three tasks of what the questions ask: easy ones, for small models.

    The validation examples are about things, adjectives and names that no training example has.
    Only a model that has read about them can know.

    Args:
        train, validation: int, at most so many examples of each task.
        seed: int, of the choice.

    Returns:
        List of three classification `Task`: "kind" (of what somebody has), "sentiment" (an opinion
        in one adjective), "pronoun" (that a name takes).

    Example:
        >>> easy_tasks(10, 10)[2].labels
        ('she', 'he')
    """
    rng = random.Random(f"easy tasks/{seed}")
    made = {
        "kind": (tuple(lexicon.kinds()), _teach_kinds()),
        "sentiment": (("good", "bad"), _teach_opinions()),
        "pronoun": (("she", "he"), _people()),
    }
    found = []
    for name, (labels, rows) in made.items():
        splits = []
        for held_out, count in ((False, train), (True, validation)):
            some = [Example((text,), label) for text, label, new in rows if new == held_out]
            splits.append(rng.sample(some, min(count, len(some))))
        found.append(Task(name, "classification", labels, "accuracy", *splits))
    return found


def tasks_in_all_forms(train=480, validation=300, seed=0):
    """Makes a task of each of GPT-1's four forms, as easy as a small model needs them.

    The validation examples are about things and adjectives that no training example has. Only a
    model that has read about them can know.

    Args:
        train, validation: int, so many examples of each task.
        seed: int, of the choice.

    Returns:
        List of four `Task`: "kind" (classification: of what kind is a thing?), "likes"
        (entailment: somebody said how something was, so do they like it?), "alike" (similarity: 5
        for two things of one kind, 0 for others) and "which" (multiple choice: which of four things
        is of a kind?).

    Example:
        >>> tasks_in_all_forms(10, 10)[1].labels
        ('entailment', 'contradiction')
    """
    made = {
        "kind": ("classification", tuple(lexicon.kinds()), _kind_example),
        "likes": ("entailment", ("entailment", "contradiction"), _likes_example),
        "alike": ("similarity", (), _alike_example),
        "which": ("multiple_choice", tuple("0123"), _which_example),
    }
    found = []
    for name, (form, labels, write) in made.items():
        rng = random.Random(f"{name}/{seed}")
        splits = [
            [write(rng, held_out) for _ in range(count)]
            for held_out, count in ((False, train), (True, validation))
        ]
        metric = "pearson" if form == "similarity" else "accuracy"
        found.append(Task(name, form, labels, metric, *splits))
    return found


def _things(rng, kind, held_out, count=1):
    """Draws different things of a kind, each with its article."""
    return [lexicon.an(t) for t in rng.sample(kind.held_out if held_out else kind.words, count)]


def _kind_example(rng, held_out):
    label = rng.randrange(len(lexicon.kinds()))
    kind = list(lexicon.kinds().values())[label]
    return Example((f"{_name(rng)} has {_things(rng, kind, held_out)[0]}.",), label)


def _likes_example(rng, held_out):
    label, name = rng.randrange(2), _name(rng)
    word = rng.choice([word for word, new in _adjectives()[label] if new == held_out])
    noun = rng.choice(_topics())
    return Example((f"{name} said that the {noun} was {word}.", f"{name} likes the {noun}."), label)


def _alike_example(rng, held_out):
    kinds = rng.sample(list(lexicon.kinds().values()), 2)
    alike = rng.randrange(2)
    if alike:
        things = _things(rng, kinds[0], held_out, 2)
    else:
        things = [_things(rng, kind, held_out)[0] for kind in kinds]
    return Example(tuple(lexicon.capital(thing) + "." for thing in things), 5.0 * alike)


def _which_example(rng, held_out):
    kinds = rng.sample(list(lexicon.kinds().values()), 4)
    label, name = rng.randrange(4), _name(rng)
    question = f"{name} has {lexicon.an(kinds[label].noun)}. What does {name} have?"
    return Example((question, *(_things(rng, kind, held_out)[0] for kind in kinds)), label)


def _name(rng):
    return rng.choice(lexicon.names())[0]


def _teach_kinds():
    return [
        (f"{name} has {lexicon.an(thing)}.", label, thing in kind.held_out)
        for label, kind in enumerate(lexicon.kinds().values())
        for thing in (*kind.words, *kind.held_out)
        for name, _, _ in lexicon.names()
    ]


def _teach_opinions():
    # The second sentence is how the documents tell what a word means: a small model does not yet
    # know of itself what follows for the first.
    return [
        (
            f"The {noun} was {word}. {lexicon.capital(word)} is a word for something.",
            label,
            held_out,
        )
        for label, words in enumerate(_adjectives())
        for word, held_out in words
        for noun in _topics()
    ]


def _topics():
    """Returns the things that people have opinions on."""
    topics = lexicon.tables()["opinions"]["topics"].values()
    return sorted({noun for nouns in topics for noun in nouns})


def _adjectives():
    """Returns the good and the bad ones: two lists of (word, whether it is held out)."""
    tables = lexicon.tables()["opinions"]
    return [
        [(word, False) for word in tables[side]]
        + [(word, True) for word in tables[f"{side}_held_out"]]
        for side in ("good", "bad")
    ]


def _people():
    """Returns (sentence, 0 for she and 1 for he, whether the name is held out) of all."""
    return [
        (f"{name} is {lexicon.an(job['name'])}.", int(pronoun == "he"), number % 2 == 1)
        for number, (name, pronoun, _) in enumerate(lexicon.names())
        for job in lexicon.tables()["jobs"]
    ]


def accuracy(model, tokenizer, asked):
    """Measures how many questions a language model answers, with no training on them.

    A word stands for its first token. Questions of which two words begin with the same token are
    left out: no next token could answer them.

    Args:
        model: `parts.GPT`, or another model from tokens to logits with a `config`.
        tokenizer: `Tokenizer`, the model's.
        asked: `Questions`.

    Returns:
        float from 0 to 1.

    Raises:
        ValueError: a prompt is longer than the context, or no question is left.

    Example:
        >>> accuracy(model, tokenizer, questions()[0])
    """
    label_ids = [[tokenizer.encode(word)[0] for word in words] for words in asked.words]
    kept = [i for i, ids in enumerate(label_ids) if len(set(ids)) == len(ids)]
    if not kept:
        raise ValueError(
            f"Each question of {asked.name!r} has two words that begin with the same token; take "
            "a tokenizer with a larger vocabulary."
        )
    label_ids = np.array(label_ids, "int32")[kept]
    answers = np.array(asked.answers)[kept]
    rows = [tokenizer.encode(asked.prompts[i]) for i in kept]
    lengths = np.array(list(map(len, rows)), "int32")
    if lengths.max() > model.config.max_sequence_length:
        raise ValueError(
            f"A question of {asked.name!r} has {lengths.max()} tokens, and the model reads "
            f"{model.config.max_sequence_length}."
        )
    # All batches of one shape: one graph serves them all.
    size = -(-len(rows) // _BATCH) * _BATCH
    tokens = np.zeros((size, lengths.max()), "int32")
    for row, ids in zip(tokens, rows, strict=False):
        row[: len(ids)] = ids

    # Without XLA: a handful of batches never earns back what it takes to compile.
    @compile_once(model, parts.label_word_probabilities, jit_compile=False)
    def probabilities(tokens, lengths, label_ids):
        logits = model(tokens, training=False)
        return parts.label_word_probabilities(logits, lengths, label_ids)

    lengths, label_ids = (np.resize(x, (size, *x.shape[1:])) for x in (lengths, label_ids))
    guesses = []
    for begin in range(0, size, _BATCH):
        batch = slice(begin, begin + _BATCH)
        chances = probabilities(tokens[batch], lengths[batch], label_ids[batch])
        guesses += np.argmax(chances, axis=1).tolist()
    return float(np.mean(np.array(guesses[: len(rows)]) == answers))
