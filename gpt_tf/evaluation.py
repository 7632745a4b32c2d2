"""How texts are made comparable before they are compared: words without case and punctuation."""

import string

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = {"a", "an", "the"}


def words(text):
    """Splits a text into words, in lower case and without punctuation (GPT-3, appendix C).

    Args:
        text: str.

    Returns:
        List of str.

    Example:
        >>> words("Don't stop, Anna!")
        ['dont', 'stop', 'anna']
    """
    return text.lower().translate(_NO_PUNCTUATION).split()


def normalise_answer(text):
    """Leaves out what does not make an answer right or wrong: case, punctuation, articles, spaces.

    Question answering has compared answers in this way since SQuAD (Rajpurkar et al. 2016).

    Args:
        text: str, an answer.

    Returns:
        Str, the words that are left, with one space between them; "" if there is none.

    Example:
        >>> normalise_answer(" The old  Garden.")
        'old garden'
    """
    return " ".join(word for word in words(text) if word not in _ARTICLES)
