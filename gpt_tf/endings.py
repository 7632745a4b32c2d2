"""Held-out text that stops before its end: which sentence ends it, and which word?

Stands for the data sets of GPT-2's section 3 where they are not at hand: any documents that the
model was not trained on will do.
"""

import random

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from gpt_tf import corpora
from gpt_tf.zero_shot import Questions

_SHORTEST = 20  # words before the last one: something has to lead up to it
_LONGEST = 150  # words of a passage
_CHOICES = 4


def sentence_endings(documents, count=100, seed=0):
    """Asks which of four sentences ends a paragraph; the others end other documents.

    Args:
        documents: list of str, paragraphs separated by an empty line.
        count: int, at most so many questions, one a document.
        seed: int, of the choice.

    Returns:
        `zero_shot.Questions` named "ending": each prompt is a paragraph without its last sentence,
        its words are four sentences with the space before them.

    Raises:
        ValueError: fewer than four documents have a paragraph of two sentences.

    Example:
        >>> asked = sentence_endings(corpora.docstrings("validation"), count=50)
    """
    rng = random.Random(f"endings/{seed}")
    pairs = {}  # {last sentence: what stands before it}
    for document in documents:
        split = [corpora.split_sentences(p) for p in document.split("\n\n")]
        split = [s for s in split if len(s) > 1 and len(" ".join(s).split()) <= _LONGEST]
        if split:
            *before, last = rng.choice(split)
            pairs.setdefault(f" {last}", " ".join(before))
    if len(pairs) < _CHOICES:
        raise ValueError(
            f"{len(pairs)} documents have a paragraph of two sentences or more; give at least "
            f"{_CHOICES} that have."
        )
    rows = []
    for last in rng.sample(list(pairs), min(count, len(pairs))):
        words = rng.sample([other for other in pairs if other != last], _CHOICES - 1)
        words.insert(rng.randrange(_CHOICES), last)
        rows.append((pairs[last], tuple(words), words.index(last)))
    return Questions("ending", *zip(*rows, strict=True))


def last_word_passages(documents, count=300, seed=0):
    """Takes passages whose last word is to be predicted, as LAMBADA's are (GPT-2, section 3.3).

    LAMBADA chose passages of novels by asking people: with the whole passage they guess the word,
    with its last sentence alone they do not. Nobody was asked about these.

    Args:
        documents: list of str, paragraphs separated by an empty line.
        count: int, at most so many passages.
        seed: int, of the choice.

    Returns:
        List of str, paragraphs of 20 to 150 words without their full stop. Their last word is of
        small letters and no stop word.

    Raises:
        ValueError: no paragraph is of that kind.

    Example:
        >>> passages = last_word_passages(corpora.docstrings("validation"))
    """
    paragraphs = dict.fromkeys(p for document in documents for p in document.split("\n\n"))
    found = [p.removesuffix(".") for p in paragraphs if p.endswith(".") and _ends_well(p.split())]
    if not found:
        raise ValueError(
            f"No paragraph has {_SHORTEST} to {_LONGEST} words and ends in a word and a full stop."
        )
    return random.Random(f"last words/{seed}").sample(found, min(count, len(found)))


def _ends_well(words):
    last = words[-1][:-1]
    letters = last.isascii() and last.isalpha() and last.islower()
    return _SHORTEST <= len(words) <= _LONGEST and letters and last not in ENGLISH_STOP_WORDS


def stop_tokens(tokenizer):
    """Lists the tokens that are a whole stop word ("the", "him", "very"), the space before it.

    GPT-2 does not print its list; these are scikit-learn's 318 words.

    Args:
        tokenizer: `Tokenizer`.

    Returns:
        List of int. A stop word of several tokens is not among them: its first token may begin
        another word.

    Example:
        >>> tokenizer.decode(stop_tokens(tokenizer)[:2])
        ' a about'
    """
    encoded = [tokenizer.encode(f" {word}") for word in sorted(ENGLISH_STOP_WORDS)]
    return [ids[0] for ids in encoded if len(ids) == 1]
