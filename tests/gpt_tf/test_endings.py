"""Passages without their end: what is cut off, what is offered, what is refused."""

import pytest

from gpt_tf import endings
from gpt_tf.tokenizer import Tokenizer

LONG = "So many words stand here that there are twenty of them before the one at the end comes, at"
DOCUMENTS = [f"It is number {i}. Here is more. It ends in {i}." for i in range(6)]


def test_one_of_four_sentences_ends_the_paragraph():
    asked = endings.sentence_endings(DOCUMENTS, count=5)
    assert len(asked.prompts) == 5 == len(set(asked.prompts)) and asked.chance == 0.25
    for prompt, words, answer in zip(asked.prompts, asked.words, asked.answers, strict=True):
        assert len(set(words)) == 4 and all(word.startswith(" It ends in ") for word in words)
        assert prompt + words[answer] in DOCUMENTS


def test_the_seed_decides():
    assert endings.sentence_endings(DOCUMENTS, 5) == endings.sentence_endings(DOCUMENTS, 5)
    assert endings.sentence_endings(DOCUMENTS, 5) != endings.sentence_endings(DOCUMENTS, 5, seed=1)


def test_too_few_sentences():
    with pytest.raises(ValueError, match="3 documents have a paragraph of two sentences"):
        endings.sentence_endings([*DOCUMENTS[:3], "One sentence only."])


def test_passages_end_in_a_word_without_its_full_stop():
    kept = f"{LONG} last kite."
    others = (f"{LONG} last it.", f"{LONG} last Anna.", f"{LONG} the 7.", "Too short.", f"{LONG}?")
    passages = endings.last_word_passages([f"{kept}\n\n{others[0]}", *others[1:], kept])
    assert passages == [f"{LONG} last kite"]


def test_no_passage():
    with pytest.raises(ValueError, match="20 to 150 words"):
        endings.last_word_passages(DOCUMENTS)


def test_only_whole_stop_words_are_forbidden():
    tokenizer = Tokenizer.from_merges([("Ġ", "a"), ("Ġ", "i"), ("Ġi", "t"), ("Ġa", "l")])
    forbidden = {tokenizer.decode([i]) for i in endings.stop_tokens(tokenizer)}
    assert forbidden == {" a", " i", " it"}
