"""The generated world: consistent, balanced, with no way to the label around the text."""

import collections
import itertools
import random
import re

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from gpt_tf import world
from gpt_tf.world import events, labelled, lexicon

TASKS = list(world.LABELS)


@pytest.fixture(scope="module")
def documents():
    return world.documents(5000)


def held_out_words():
    tables = lexicon.tables()
    words = [w for kind in tables["kinds"].values() for w in kind["held_out"]]
    words += [form for a in tables["actions"] for verb in a["held_out"] for form in verb]
    words += [w for values in tables["attributes"]["held_out"].values() for w in values]
    for family in ("places", "times"):
        words += [w for entry in tables[family]["all"] for w in entry["held_out"]]
    for side in ("good", "bad", "liked", "disliked"):
        words += tables["opinions"][f"{side}_held_out"]
    return words + tables["language"]["nouns_held_out"]


def has(text, words):
    return re.search(rf"\b({'|'.join(map(re.escape, words))})\b", text, re.I)


def accuracy_of_words(train, validation):
    """Trains a bag of words on (text, label) pairs."""
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True)
    model = LogisticRegression(max_iter=300, C=0.3)
    model.fit(vectorizer.fit_transform([text for text, _ in train]), [y for _, y in train])
    texts = vectorizer.transform([text for text, _ in validation])
    return model.score(texts, [y for _, y in validation])


# ------------------------------------------------------------------------------------ the examples


@pytest.mark.parametrize("task", TASKS)
def test_seeded_and_unique(task):
    first = world.examples(task, 200, seed=3)
    assert first == world.examples(task, 200, seed=3)
    assert first != world.examples(task, 200, seed=4)
    assert len({example.texts for example in first}) == 200


@pytest.mark.parametrize("task", TASKS)
def test_no_example_is_in_both_splits(task):
    train = {e.texts for seed in range(3) for e in world.examples(task, 700, seed)}
    for seed in range(3):
        validation = world.examples(task, 300, seed, "validation")
        assert not train & {e.texts for e in validation}
        assert not {frozenset(t) for t in train} & {frozenset(e.texts) for e in validation}


@pytest.mark.parametrize("task", TASKS)
def test_the_same_texts_have_the_same_label(task):
    labels = collections.defaultdict(set)
    for seed, split in itertools.product(range(4), ("train", "validation")):
        for example in world.examples(task, 400, seed, split):
            labels[example.texts].add(example.label)
    assert all(len(found) == 1 for found in labels.values())


@pytest.mark.parametrize("task", ["classification", "entailment", "multiple_choice"])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_labels_are_balanced(task, split):
    counts = collections.Counter(e.label for e in world.examples(task, 500, 0, split))
    assert set(counts) == set(range(len(world.LABELS[task])))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_similarity_is_graded():
    scores = [e.label for e in world.examples("similarity", 1000)]
    assert min(scores) == 0 and max(scores) == 5
    assert {int(score) for score in scores} == {0, 1, 2, 3, 4, 5}
    assert len(set(scores)) > 10


@pytest.mark.parametrize("task", [task for task in TASKS if task != "arithmetic"])
def test_held_out_words_are_only_in_validation(task):
    words = held_out_words()
    assert not any(has(" ".join(e.texts), words) for e in world.examples(task, 500))
    validation = world.examples(task, 300, 0, "validation")
    share = sum(bool(has(" ".join(e.texts), words)) for e in validation) / 300
    assert 0.45 <= share <= 0.55


def test_held_out_words_are_in_the_documents(documents):
    text = "\n".join(documents)
    missing = [word for word in held_out_words() if not has(text, [word])]
    assert missing == []


def test_the_hypothesis_alone_does_not_give_the_label_away():
    train, validation = (
        [(e.texts[1], e.label) for e in world.examples("entailment", count, 1, split)]
        for count, split in ((3000, "train"), (1500, "validation"))
    )
    assert accuracy_of_words(train, validation) < 0.38  # chance is 0.333


def test_the_length_of_an_option_does_not_give_the_answer_away():
    longest = shortest = 0
    examples = world.examples("multiple_choice", 2000)
    for example in examples:
        lengths = [len(option) for option in example.texts[1:]]
        longest += lengths.index(max(lengths)) == example.label
        shortest += lengths.index(min(lengths)) == example.label
    assert longest / 2000 < 0.29 and shortest / 2000 < 0.29  # chance is 0.25


def test_the_length_of_a_review_does_not_give_the_label_away():
    lengths = {0: [], 1: []}
    for example in world.examples("classification", 2000):
        lengths[example.label].append(len(example.texts[0].split()))
    means = [sum(found) / len(found) for found in lengths.values()]
    assert means[0] == pytest.approx(means[1], rel=0.05)


def test_a_bag_of_words_is_no_perfect_judge_of_reviews():
    train, validation = (
        [(e.texts[0], e.label) for e in world.examples("classification", count, 1, split)]
        for count, split in ((2000, "train"), (1000, "validation"))
    )
    assert 0.5 <= accuracy_of_words(train, validation) < 0.75


def test_every_option_is_in_the_passage():
    for example in world.examples("multiple_choice", 300):
        passage, *options = example.texts
        passage, question = re.fullmatch(r"(.*[.]) ([^.]*[?])", passage).groups()
        assert len(set(options)) == 4
        assert all(option in passage for option in options)
        assert question.startswith(("Who ", "What ", "Where "))


def test_the_answer_follows_from_the_passage():
    """Reads the passage back, sentence by sentence, without the generator's knowledge."""
    names = [name for name, _, _ in lexicon.names()]
    for example in world.examples("multiple_choice", 400):
        text, answer = example.texts[0], example.texts[1 + example.label]
        *sentences, question = re.split(r"(?<=[.]) ", text)
        asked = [name for name in names if has(question, [name])]
        if asked:
            (told,) = [sentence for sentence in sentences if sentence.startswith(asked[0])]
            assert answer in told
        else:
            (told,) = [sentence for sentence in sentences if sentence.startswith(answer)]
            thing = question.rstrip("?").split(" a ")[-1].split(" an ")[-1]
            kinds = [k for k in lexicon.kinds().values() if k.noun == thing]
            assert has(told, [*kinds[0].words] if kinds else [thing])


def test_entailment_agrees_with_a_second_judge():
    """`judge` compares two events and knows nothing of how they were made."""
    names = dict(zip(world.LABELS["entailment"], ("Yes.", "Nobody knows.", "No."), strict=True))
    flipped = {"entailment": "contradiction", "contradiction": "entailment"}
    draw = lexicon.Draw(random.Random(0), held_out=True)
    for label in world.LABELS["entailment"] * 700:
        hypothesis, premise = events.inference(draw, label)
        expected = flipped.get(label, label) if hypothesis.negated else label
        assert events.judge(premise, hypothesis) == names[expected]


def test_opposites_are_mutual_and_no_verb_means_two_things():
    actions = lexicon.actions()
    for name, action in actions.items():
        assert actions[action.opposite].opposite == name
        assert actions[action.opposite].takes == action.takes
    forms = [
        form for a in actions.values() for verb in (*a.verbs, *a.held_out) for form in set(verb)
    ]
    assert len(forms) == len(set(forms))
    things = [w for kind in lexicon.kinds().values() for w in (*kind.words, *kind.held_out)]
    assert len(things) == len(set(things))


def test_swapping_all_roles_is_a_paraphrase():
    one = events.Event("Anna", "buy", "tool", "saw")
    two = events.Event("Ben", "hide", "toy", "doll")
    assert labelled._closeness((one, two), (two, one)) == 5
    assert labelled._closeness((one, two), (one, one)) == 2.5
    other = events.Event("Ben", "sell", "tool", "hammer")
    assert labelled._clause_closeness(one, other) == 1.5


def test_translation_changes_the_order():
    dictionary = labelled.dictionary()
    assert len(set(dictionary.values())) == len(dictionary)
    for example in world.examples("translation", 100):
        english = re.search(r"English: (\w+) (\w+) the (.*?)( in the (\w+))?[.]", example.texts[0])
        person, verb, noun_phrase, _, place = english.groups()
        *adjective, noun = noun_phrase.split()
        words = [dictionary[place] + "lo"] if place else []
        words += [person, dictionary[noun], *(dictionary[a] for a in adjective), dictionary[verb]]
        assert example.label == f" {' '.join(words)}."


def test_sums_are_right():
    signs = {"plus": 1, "minus": -1}
    for example in world.examples("arithmetic", 300):
        pattern = r"Q: What is (\d+) (plus|minus) (\d+)\? A:"
        first, sign, second = re.fullmatch(pattern, example.texts[0]).groups()
        assert example.label == f" {int(first) + signs[sign] * int(second)}"


def test_what_cannot_be_asked_for():
    with pytest.raises(ValueError, match="no task 'parsing'.*arithmetic"):
        world.examples("parsing", 1)
    with pytest.raises(ValueError, match="no split 'test'"):
        world.examples("arithmetic", 1, split="test")
    with pytest.raises(ValueError, match="no more than about .* examples in validation"):
        world.examples("arithmetic", 20_000, split="validation")
    with pytest.raises(ValueError, match="count is -1"):
        world.documents(-1)


# ----------------------------------------------------------------------------------- the documents


def test_documents_are_seeded_and_different():
    texts = world.documents(1500, seed=5)
    assert texts == world.documents(1500, seed=5)
    assert len(set(texts)) == 1500
    assert texts != world.documents(1500, seed=6)
    assert all(5 <= len(text.split()) <= 120 for text in texts)


def test_documents_on_some_subjects():
    from gpt_tf.world import passages

    texts = world.documents(60, seed=3, subjects=("sums", "review"))
    assert texts == world.documents(60, seed=3, subjects=("review", "sums"))
    sums = [text for text in texts if text.startswith("Q: What is ")]
    assert 5 < len(sums) < 40 and all(" talked about the " in t for t in texts if t not in sums)
    assert world.documents(60, seed=3, subjects=passages.SUBJECTS) == world.documents(60, seed=3)
    with pytest.raises(ValueError, match="No passage is about 'cooking'; there are person, "):
        world.documents(1, subjects=("cooking",))


def test_documents_agree_with_the_facts_of_their_world():
    facts = {person.name: person for person in world.people(7)}
    text = "\n".join(world.documents(3000, seed=7))
    jobs = re.findall(r"\b([A-Z][a-z]+) is an? ([a-z]+)\.", text)
    assert len(jobs) > 100
    assert all(facts[name].job == job for name, job in jobs if name in facts)
    friends = re.findall(r"Who is (\w+)'s best friend\? A: (\w+)\.", text)
    assert friends and all(facts[name].friend == friend for name, friend in friends)
    assert world.people(7) != world.people(8)


def test_documents_read_well(documents):
    text = "\n".join(documents)
    assert not re.search(r"\ba [aeio]|\ban [^aeiou\s]|  | [.,?]|\b(it|the) (it|the)\b", text)
    assert "None" not in text and "{" not in text
    assert text.count("Q: ") > 500


@pytest.mark.parametrize("task", TASKS)
def test_no_validation_example_is_in_the_documents(task, documents):
    texts = documents
    joined = "\n".join(texts)
    for example in world.examples(task, 300, 0, "validation"):
        if task in ("translation", "arithmetic"):
            assert f"{example.texts[0]}{example.label}" not in joined
        elif task == "entailment":
            premise, hypothesis = example.texts
            assert not any(premise in text and hypothesis in text for text in texts)
        else:
            assert example.texts[0] not in joined
