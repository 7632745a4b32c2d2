"""Words without case and punctuation, and answers without articles."""

from gpt_tf.evaluation import normalise_answer, words


def test_words_have_no_case_and_no_punctuation():
    assert words('"Don\'t stop," Anna said (twice).') == ["dont", "stop", "anna", "said", "twice"]
    assert words(" \n ... ") == []


def test_answers_have_no_articles():
    assert normalise_answer(" The old  Garden.") == "old garden"
    assert normalise_answer("A theatre, an anthem") == "theatre anthem"
    assert normalise_answer("the") == ""
