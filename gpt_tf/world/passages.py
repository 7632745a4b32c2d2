"""The unlabelled documents: passages that tell about the world, to pre-train on."""

import dataclasses
import random

from gpt_tf.world import labelled, lexicon, opinions
from gpt_tf.world.events import (
    draw_event,
    draw_hypothesis,
    entailing,
    inference,
    judge,
    noun_phrase,
    random_detail,
    say,
    sentence,
)
from gpt_tf.world.lexicon import an, capital, plural


def documents(count, seed=0, subjects=None):
    """Writes unlabelled passages about one world, to pre-train on.

    They say what words mean (synonyms, opposites, kinds, uses), tell what people did and thought,
    describe the people of the world, and include questions with answers, sums and translations.
    No validation example of `examples` is among them.

    Args:
        count: int, number of documents.
        seed: int, decides the facts about the people and the choice of passages.
        subjects: collection of str, kinds of passages out of `SUBJECTS`; None takes all.

    Returns:
        List of `count` different str of about 15 to 90 words.

    Raises:
        ValueError: a negative count, or another subject.

    Example:
        >>> texts = documents(1000, seed=0)
    """
    if count < 0:
        raise ValueError(f"count is {count}: ask for 0 or more documents.")
    unknown = sorted(set(subjects or ()) - set(SUBJECTS))
    if unknown:
        raise ValueError(f"No passage is about {unknown[0]!r}; there are {', '.join(SUBJECTS)}.")
    rng = random.Random(f"documents/{seed}")
    people = lexicon.people(seed)
    chosen = [
        w for w, name in zip(_WRITERS, SUBJECTS, strict=True) if name in (subjects or SUBJECTS)
    ]
    writers, weights = zip(*chosen, strict=True)
    texts = {}
    while len(texts) < count:
        write = rng.choices(writers, weights)[0]
        texts.setdefault(write(lexicon.Draw(rng, held_out=True), people))
    return list(texts)


def _write_person(draw, people):
    p = draw.choice(people)
    sentences = [
        f"{p.name} is {an(p.job)}.",
        f"{capital(p.pronoun)} works in the {p.place} with {p.possessive} {p.tool}.",
        f"{capital(p.pronoun)} has a {p.pet_colour} {p.pet}.",
        f"{capital(p.pronoun)} likes to eat {plural(p.likes)}.",
        f"{capital(p.possessive)} favourite colour is {p.colour}.",
        f"{capital(p.possessive)} best friend is {p.friend}.",
    ]
    return " ".join([sentences[0], *draw.rng.sample(sentences[1:], draw.choice([2, 3, 4]))])


def _write_person_question(draw, people):
    lines = []
    for p in draw.rng.sample(people, 3):
        lines.append(
            draw.choice(
                [
                    f"Q: What is {p.name}'s job? A: {p.name} is {an(p.job)}.",
                    f"Q: Where does {p.name} work? A: In the {p.place}.",
                    f"Q: What does {p.name} like to eat? A: {capital(plural(p.likes))}.",
                    f"Q: Who is {p.name}'s best friend? A: {p.friend}.",
                    f"Q: Which animal does {p.name} have? A: {capital(an(p.pet))}.",
                    f"Q: Is {p.name} {an(p.job)}? A: Yes.",
                ]
            )
        )
    return "\n".join(lines)


def _write_day(draw, people):
    p = draw.choice(people)
    events = [dataclasses.replace(draw_event(draw), person=p.name) for _ in range(3)]
    events = [dataclasses.replace(e, place=random_detail(draw, "place"), time=None) for e in events]
    feeling = draw.choice(["happy", "unhappy"])
    word = draw.choice(lexicon.tables()["opinions"][feeling])
    first, second, third = (say(e, draw, p.pronoun) for e in events)
    return (
        f"{p.name} got up early and went to the {p.place}, because {p.pronoun} is {an(p.job)}. "
        f"Then {first}. After that {second}. At last {third}. "
        f"In the evening {p.pronoun} was {word} and told {p.friend} about it."
    )


def _write_kinds(draw, people):
    kind = draw.choice(lexicon.kinds().values())
    one, two, three = draw.rng.sample([*kind.words, *kind.held_out], 3)
    other = draw.choice(k for k in lexicon.kinds().values() if k is not kind)
    stranger = draw.choice([*other.words, *other.held_out])
    name = draw.choice(people).name
    sentences = [
        f"{capital(an(one))} is {an(kind.noun)}.",
        f"{capital(plural(one))} and {plural(two)} are {plural(kind.noun)}.",
        f"{name} knows three {plural(kind.noun)}: the {one}, the {two} and the {three}.",
        f"{capital(an(stranger))} is not {an(kind.noun)} but {an(other.noun)}.",
        f"Is {an(one)} {an(kind.noun)}? Yes, it is.",
        f"Is {an(stranger)} {an(kind.noun)}? No, it is {an(other.noun)}.",
        f"Whoever has {an(two)} has {an(kind.noun)}.",
    ]
    return " ".join(draw.rng.sample(sentences, 3))


def _write_uses(draw, _people):
    sentences = []
    for thing, purpose in draw.rng.sample(lexicon.tables()["facts"]["uses"], 2):
        sentences.append(
            draw.choice(
                [
                    f"You use {an(thing)} to {purpose}.",
                    f"To {purpose} you need {an(thing)}.",
                    f"Q: What can you use to {purpose}? A: {capital(an(thing))}.",
                ]
            ).replace("a scissors", "scissors")
        )
    for animal, does in draw.rng.sample(lexicon.tables()["facts"]["animals"], 2):
        sentences.append(
            draw.choice(
                [
                    f"{capital(an(animal))} {does}.",
                    f"Which animal {does}? The {animal} {does}.",
                    f"Everybody knows that {an(animal)} {does}.",
                ]
            )
        )
    draw.rng.shuffle(sentences)
    return " ".join(sentences)


def _write_jobs(draw, _people):
    job = draw.choice(lexicon.tables()["jobs"])
    other = draw.choice(j for j in lexicon.tables()["jobs"] if j is not job)
    sentences = [
        f"{capital(an(job['name']))} {job['does']}.",
        f"{capital(an(job['name']))} works in a {job['place']} and needs {an(job['tool'])}.",
        f"Who {job['does']}? {capital(an(job['name']))} does.",
        f"In the {job['place']} you meet the {job['name']}, and in the {other['place']} the "
        f"{other['name']}.",
        f"Q: Who works in the {other['place']}? A: The {other['name']}.",
    ]
    return " ".join(draw.rng.sample(sentences, 3))


def _write_synonyms(draw, people):
    action = draw.choice(
        a for a in lexicon.actions().values() if len(a.verbs) + len(a.held_out) > 1
    )
    (base, past), (base2, past2) = draw.rng.sample([*action.verbs, *action.held_out], 2)
    opposite = draw.choice(lexicon.actions()[action.opposite].verbs)
    kind = draw.choice(k for k in lexicon.kinds().values() if k.group in action.takes)
    thing = draw.thing(kind.name)
    name = draw.choice(people).name
    pronoun = lexicon.pronouns(name)[0]
    sentences = [
        f"To {base} {an(thing)} is to {base2} {an(thing)}.",
        f"When {name} {past} {an(thing)}, we can also say that {pronoun} {past2} the {thing}.",
        f"The opposite of {base} is {opposite[0]}.",
        f"Whoever {past} {an(thing)} did not {opposite[0]} the {thing}.",
        f"Q: What is another word for {base}? A: {capital(base2)}.",
        f"{name} {past} {an(thing)}. So {pronoun} {past2} {an(kind.noun)}.",
    ]
    return " ".join(draw.rng.sample(sentences, 3))


def _write_other_words(draw, people):
    """Other words for attributes, places and times."""
    held_out = lexicon.tables()["attributes"]["held_out"]
    values = [[*v, *held_out.get(v[0], [])] for family in lexicon.attributes() for v in family]
    entries = [*lexicon.tables()["places"]["all"], *lexicon.tables()["times"]["all"]]
    values += [[*entry["words"], *entry["held_out"]] for entry in entries]
    sentences = []
    for words in draw.rng.sample([v for v in values if len(v) > 1], 2):
        one, two = draw.rng.sample(words, 2)
        name = draw.choice(people).name
        pronoun = lexicon.pronouns(name)[0]
        if " " in one:
            sentences.append(f"{name} was {one}, so {pronoun} was {two}.")
        else:
            thing = draw.thing(draw.choice(lexicon.kinds()))
            sentences.append(f"{name} had {an(f'{one} {thing}')}, and {an(two)} {thing} is {one}.")
    place = draw.choice(lexicon.tables()["places"]["all"])
    where = draw.choice([*place["words"], *place["held_out"]])
    sentences.append(f"Whoever is {where} is {place['where']}.")
    draw.rng.shuffle(sentences)
    return " ".join(sentences)


def _write_restatement(draw, _people):
    """Says an event twice, in other words and with less detail, and what did not happen."""
    hypothesis = dataclasses.replace(draw_hypothesis(draw), negated=False)
    premise = entailing(hypothesis, draw)
    pronoun = lexicon.pronouns(premise.person)[0]
    again = say(hypothesis, draw, pronoun)
    denied = dataclasses.replace(
        hypothesis, action=lexicon.actions()[premise.action].opposite, negated=True
    )
    link = draw.choice(["In other words,", "That means", "So"])
    text = f"{sentence(premise, draw)} {link} {again}."
    return f"{text} {sentence(denied, draw, pronoun)}" if draw.chance(0.5) else text


def _write_inference(draw, _people):
    label = draw.choice(labelled.LABELS["entailment"])
    hypothesis, premise = inference(draw, label)
    hypothesis = dataclasses.replace(hypothesis, negated=False)
    pronoun = lexicon.pronouns(hypothesis.person)[0]
    if premise.person != hypothesis.person:
        pronoun = hypothesis.person
    base = draw.verb(hypothesis.action)[0]
    question = f"Did {pronoun} {base} {noun_phrase(hypothesis, draw)}"
    if hypothesis.place is not None:
        question += f" {draw.circumstance('places', hypothesis.place)}"
    if hypothesis.time is not None:
        question += f" {draw.circumstance('times', hypothesis.time)}"
    return f"{sentence(premise, draw)} {question}? {judge(premise, hypothesis)}"


def _write_questions(draw, _people):
    passage, question, _, answer = labelled.passage_question(draw, draw.choice([2, 3]))
    return f"{passage}\nQ: {question} A: {capital(answer)}."


def _write_review(draw, people):
    topic = draw.choice(lexicon.tables()["opinions"]["topics"])
    part = draw.choice(lexicon.tables()["opinions"]["topics"][topic])
    positive = draw.chance(0.5)
    p = draw.choice(people)
    feeling = draw.choice(lexicon.tables()["opinions"]["happy" if positive else "unhappy"])
    reactions = lexicon.tables()["opinions"]["reactions"]["good" if positive else "bad"]
    reaction = f"{capital(p.pronoun)} {draw.choice(reactions)}."
    opinion = opinions.opinion(draw, part, positive)
    taste = f"{capital(p.pronoun)} {opinions.taste(draw, positive)} the {topic}."
    text = f"{p.name} talked about the {topic}. {capital(opinion)}, so {p.pronoun} was {feeling}. "
    text += draw.choice([taste, reaction, f"{taste} {reaction}"])
    if draw.chance(0.4):
        text += f" Q: Did {p.name} like the {topic}? A: {'Yes' if positive else 'No'}."
    return text


def _write_opinion_words(draw, _people):
    sentences = []
    for positive in draw.rng.sample([True, False, True, False], 3):
        one, two = opinions.adjective(draw, positive), opinions.adjective(draw, positive)
        opposite, side = opinions.adjective(draw, not positive), "good" if positive else "bad"
        likes = opinions.taste(draw, positive)
        sentences.append(
            draw.choice(
                [
                    f"What is {one} is {two} and not {opposite}.",
                    f"{capital(one)} is a word for something {side}.",
                    f"The opposite of {one} is {opposite}.",
                    f"They {likes} it because it was {one}.",
                    f"If it is not {opposite}, it may be {one}.",
                    f"Q: Is something {one} good or bad? A: {capital(side)}.",
                ]
            )
        )
    return " ".join(sentences)


def _write_sums(draw, _people):
    lines = []
    while len(lines) < 4:
        example = labelled.arithmetic(draw, 0)
        if labelled.split_of(example) == "train":
            lines.append(f"{example.texts[0]}{example.label}")
    return "\n".join(lines)


def _write_translations(draw, _people):
    lines = []
    while len(lines) < 3:
        # Sentences with a held-out noun are kept for validation; the nouns come below.
        example = labelled.translation(lexicon.Draw(draw.rng, held_out=False), 0)
        if labelled.split_of(example) == "train":
            lines.append(f"{example.texts[0]}{example.label}")
    return "\n".join(lines)


def _write_dictionary(draw, _people):
    language, velish = lexicon.tables()["language"], labelled.dictionary()
    nouns = [*language["nouns"], *language["nouns_held_out"] * 2]
    words = draw.rng.sample([*nouns, *language["adjectives"], *language["verbs"]], 3)
    sentences = [f"The {language['name']} word for {word} is {velish[word]}." for word in words]
    noun, adjective = draw.choice(nouns), draw.choice(language["adjectives"])
    sentences.append(
        f"In {language['name']} {an(f'{adjective} {noun}')} is {velish[noun]} {velish[adjective]}."
    )
    return " ".join(dict.fromkeys(sentences))


_WRITERS = (  # and how often each writes
    (_write_person, 6),
    (_write_person_question, 4),
    (_write_day, 10),
    (_write_kinds, 10),
    (_write_uses, 5),
    (_write_jobs, 3),
    (_write_synonyms, 10),
    (_write_other_words, 4),
    (_write_restatement, 12),
    (_write_inference, 8),
    (_write_questions, 10),
    (_write_review, 10),
    (_write_opinion_words, 6),
    (_write_sums, 5),
    (_write_translations, 5),
    (_write_dictionary, 3),
)
SUBJECTS = tuple(write.__name__.removeprefix("_write_") for write, _ in _WRITERS)
