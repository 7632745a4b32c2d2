"""The labelled tasks: GPT-1's four, translation into an invented language, and arithmetic."""

import dataclasses
import functools
import hashlib
import itertools
import random

from gpt_tf.world import lexicon, opinions
from gpt_tf.world.events import Event, draw_event, inference, other_person, say, sentence
from gpt_tf.world.lexicon import an, capital

LABELS = {
    "classification": ("negative", "positive"),
    "entailment": ("entailment", "neutral", "contradiction"),
    "similarity": (),
    "multiple_choice": ("0", "1", "2", "3"),
    "translation": (),
    "arithmetic": (),
}
_SPLITS = ("train", "validation")
_PATIENCE = 2000  # draws in a row that bring nothing new, before a task counts as used up


@dataclasses.dataclass(frozen=True)
class Example:
    """A labelled example, in one form for all tasks.

    Args:
        texts: tuple of str. Classification: (text,). Entailment: (premise, hypothesis).
            Similarity: (sentence, sentence). Multiple choice: (context and question, option,
            option, ...). Translation and arithmetic: (prompt,).
        label: int, index of the class or of the right option; float, a similarity score from 0 to
            5; str, the text that completes a prompt.
    """

    texts: tuple[str, ...]
    label: int | float | str


def examples(task, count, seed=0, split="train"):
    """Writes labelled examples of a task.

    Labels are balanced (scores: spread over 0 to 5). No example is in both splits, whatever the
    seeds, and no example occurs twice. In the training split no held-out word occurs; in the
    validation split every second example has one (arithmetic has none to hold out).

    Args:
        task: str, one of the keys of `LABELS`.
        count: int, number of examples.
        seed: int.
        split: "train" or "validation".

    Returns:
        List of `Example`, in random order.

    Raises:
        ValueError: no such task or split, or more examples than the task has.

    Example:
        >>> examples("arithmetic", 1)[0].texts[0][:11]
        'Q: What is '
    """
    if task not in LABELS:
        raise ValueError(f"There is no task {task!r}; the world has {', '.join(LABELS)}.")
    if split not in _SPLITS:
        raise ValueError(f"There is no split {split!r}; choose one of {', '.join(_SPLITS)}.")
    rng = random.Random(f"{task}/{split}/{seed}")
    classes = len(LABELS[task]) or _LEVELS
    found = {}
    for i in range(count):
        wants_new = split == "validation" and task != "arithmetic" and (i // classes) % 2 == 0
        example = _draw_example(task, i % classes, rng, split, wants_new, found)
        found[example.texts] = example
    found = list(found.values())
    rng.shuffle(found)
    return found


def _draw_example(task, target, rng, split, wants_new, found):
    for _ in range(_PATIENCE):
        draw = lexicon.Draw(rng, held_out=wants_new)
        example = _MAKERS[task](draw, target)
        fits = draw.has_held_out if wants_new else split_of(example) == split
        repeats = len(set(example.texts)) < len(example.texts)
        if fits and not repeats and example.texts not in found:
            return example
    raise ValueError(
        f"The task {task} has no more than about {len(found):,} different examples in {split}: "
        "ask for fewer."
    )


def split_of(example):
    """Returns the split of an example; examples of the same words share it, in whatever order."""
    words = sorted(" ".join(example.texts).lower().replace("?", " ").replace(".", " ").split())
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    return "validation" if digest[0] < 51 else "train"  # a fifth


# --------------------------------------------------------------------------------------- entailment


def _entailment(draw, target):
    """The hypothesis is drawn first and knows nothing of the label: alone it gives nothing away."""
    hypothesis, premise = inference(draw, LABELS["entailment"][target])
    text = say(premise, draw)
    if draw.chance(0.4):
        text = _beside(text, premise, hypothesis, draw)
    return Example((capital(text) + ".", sentence(hypothesis, draw)), target)


def _beside(text, premise, hypothesis, draw):
    """Adds what somebody else did, which changes nothing."""
    other = dataclasses.replace(
        draw_event(draw), person=other_person(draw, premise.person, hypothesis.person)
    )
    clauses = [text, say(other, draw)]
    draw.rng.shuffle(clauses)
    return draw.choice([", and ", ", while "]).join(clauses)


# --------------------------------------------------------------------------------------- similarity

_LEVELS = 6  # of closeness, from nothing in common to a paraphrase


def _similarity(draw, target):
    """Two sentences of two clauses each. Who did what to what counts, not which words occur."""
    first = (draw_event(draw, "object"), draw_event(draw, "object"))
    while first[0].person == first[1].person or first[0].thing == first[1].thing:
        first = (draw_event(draw, "object"), draw_event(draw, "object"))
    second = first
    for change in (_other_persons, _other_actions, _other_things):
        if not draw.chance(target / (_LEVELS - 1)):
            second = change(second, draw)
    texts = []
    for events in (first, second):
        events = draw.rng.sample(events, 2)  # which clause stands first means nothing
        link = draw.choice([" and ", ", while "])
        texts.append(capital(link.join(say(event, draw) for event in events)) + ".")
    return Example(tuple(texts), _closeness(first, second))


def _swapped(events, name):
    """The same words, but the two clauses have exchanged one role."""
    one, two = (getattr(event, name) for event in events)
    kinds = [event.kind for event in events]
    if name == "thing":
        one, two = ({"thing": two, "kind": kinds[1]}, {"thing": one, "kind": kinds[0]})
    else:
        one, two = {name: two}, {name: one}
    return dataclasses.replace(events[0], **one), dataclasses.replace(events[1], **two)


def _other_persons(events, draw):
    if draw.chance(0.5):
        return _swapped(events, "person")
    names = draw.rng.sample([name for name, _, _ in lexicon.names()], 2)
    return tuple(dataclasses.replace(e, person=n) for e, n in zip(events, names, strict=True))


def _other_actions(events, draw):
    if draw.chance(0.4):
        return _swapped(events, "action")
    if draw.chance(0.5):
        actions = [lexicon.actions()[event.action].opposite for event in events]
    else:
        actions = draw.rng.sample(list(lexicon.actions()), 2)
    return tuple(dataclasses.replace(e, action=a) for e, a in zip(events, actions, strict=True))


def _other_things(events, draw):
    if draw.chance(0.5):
        return _swapped(events, "thing")
    kinds = [k.name for k in lexicon.kinds().values() if k.group == "object"]
    kinds = [event.kind if draw.chance(0.4) else draw.choice(kinds) for event in events]
    return tuple(
        dataclasses.replace(event, kind=kind, thing=draw.thing(kind))
        for event, kind in zip(events, kinds, strict=True)
    )


def _closeness(first, second):
    """Scores two pairs of clauses from 0 to 5, paired in the way in which they agree best."""
    straight = [_clause_closeness(a, b) for a, b in zip(first, second, strict=True)]
    crossed = [_clause_closeness(a, b) for a, b in zip(first, second[::-1], strict=True)]
    return max(sum(straight), sum(crossed)) / 2


def _clause_closeness(first, second):
    """Scores what two events share: who (1), did what (2), to what (2)."""
    score = 1.0 * (first.person == second.person)
    if first.action == second.action:
        score += 2.0
    elif lexicon.actions()[first.action].opposite == second.action:
        score += 0.5
    return score + (2.0 if first.thing == second.thing else 1.0 * (first.kind == second.kind))


# ---------------------------------------------------------------------------------- multiple choice


def _multiple_choice(draw, target):
    passage, question, options, answer = passage_question(draw, 4)
    others = [option for option in options if option != answer]
    draw.rng.shuffle(others)
    options = [*others[:target], answer, *others[target:]]
    return Example((f"{passage} {question}", *options), target)


def passage_question(draw, size):
    """Writes a passage and a question about it.

    Everything that the wrong options name happens in the passage, to somebody else.

    Args:
        draw: Draw.
        size: int, number of sentences and of options.

    Returns:
        (passage, question, options, answer): str, str, list of `size` str, and the right one.
    """
    events = _different_events(draw, size)
    subject = draw.choice(events)
    things = {event: an(event.thing) for event in events}
    places = {event: draw.circumstance("places", event.place) for event in events}
    sentences = [f"{e.person} {draw.verb(e.action)[1]} {things[e]} {places[e]}." for e in events]
    base, past = draw.verb(subject.action)
    asked = draw.choice(["who", "what", "where"])
    if asked == "who":
        noun = subject.thing if draw.chance(0.4) else lexicon.kinds()[subject.kind].noun
        question, options = f"Who {past} {an(noun)}?", {e: e.person for e in events}
    elif asked == "what":
        question, options = f"What did {subject.person} {base}?", things
    else:
        question = f"Where did {subject.person} {base} {an(subject.thing)}?"
        options = places
    return " ".join(sentences), question, list(options.values()), options[subject]


def _different_events(draw, size):
    kinds = [k.name for k in lexicon.kinds().values() if k.group != "animal"]
    chosen_kinds = draw.rng.sample(kinds, size)
    for_all = [a.name for a in lexicon.actions().values() if "food" in a.takes]
    same = draw.choice(for_all) if draw.chance(0.5) else None
    names = draw.rng.sample([name for name, _, _ in lexicon.names()], size)
    places = draw.rng.sample(range(len(lexicon.tables()["places"]["all"])), size)
    return [
        Event(name, same or draw.choice(for_all), kind, draw.thing(kind), place=place)
        for name, kind, place in zip(names, chosen_kinds, places, strict=True)
    ]


# ----------------------------------------------------------------------------------- classification


def _classification(draw, target):
    """A review, whose verdict is not the sum of its words: it denies, grants and turns round."""
    positive = bool(target)
    topic = draw.choice(lexicon.tables()["opinions"]["topics"])
    part, other = draw.rng.sample(lexicon.tables()["opinions"]["topics"][topic], 2)
    form = draw.choice(["plain", "agree", "but", "although", "although_last"])
    if form == "plain":
        return Example((capital(opinions.verdict(draw, topic, positive)) + ".",), target)
    if form == "agree":
        both = [opinions.opinion(draw, noun, positive) for noun in (part, other)]
        return Example((capital(" and ".join(both)) + ".",), target)
    close = draw.choice(["all in all", "in the end", "on the whole"])
    verdict = f"{close} {opinions.verdict(draw, topic, positive)}"
    granted = opinions.opinion(draw, part, not positive)
    text = {
        "but": f"{granted}, but {verdict}",
        "although": f"although {granted}, {verdict}",
        "although_last": f"{verdict}, although {granted}",
    }[form]
    return Example((capital(text) + ".",), target)


# ----------------------------------------------------------------------- translation and arithmetic


@functools.cache
def dictionary():
    """Returns {English word: word of the language}, each of two syllables of its own."""
    language = lexicon.tables()["language"]
    syllables = [c + v for c in language["consonants"] for v in language["vowels"]]
    forms = ["".join(pair) for pair in itertools.permutations(syllables, 2)]
    random.Random(0).shuffle(forms)
    groups = ("verbs", "nouns", "nouns_held_out", "adjectives", "places")
    words = [word for group in groups for word in language[group]]
    return dict(zip(words, forms, strict=False))


def translation(draw, _target):
    """Makes an example of translation, which has no target to aim at."""
    english, other = _bilingual(draw)
    return Example((f"English: {english}\n{lexicon.tables()['language']['name']}:",), f" {other}")


def _bilingual(draw):
    language, velish = lexicon.tables()["language"], dictionary()
    person, verb = draw.choice(language["people"]), draw.choice(language["verbs"])
    noun = draw.word(language["nouns"], language["nouns_held_out"])
    adjective = draw.choice(language["adjectives"]) if draw.chance(0.6) else ""
    place = draw.choice(language["places"]) if draw.chance(0.5) else ""
    english = f"{person} {verb} the {adjective + ' ' if adjective else ''}{noun}"
    english += f" in the {place}." if place else "."
    words = [f"{velish[place]}lo"] if place else []
    words += [person, velish[noun]]
    words += [velish[adjective]] if adjective else []
    return english, f"{' '.join([*words, velish[verb]])}."


def arithmetic(draw, _target):
    """Makes a sum in GPT-3's wording (section 3.9.1), of operands from 0 to 99."""
    first, second = draw.rng.randrange(100), draw.rng.randrange(100)
    if draw.chance(0.5):
        return Example((f"Q: What is {first} plus {second}? A:",), f" {first + second}")
    return Example((f"Q: What is {first} minus {second}? A:",), f" {first - second}")


_MAKERS = {
    "classification": _classification,
    "entailment": _entailment,
    "similarity": _similarity,
    "multiple_choice": _multiple_choice,
    "translation": translation,
    "arithmetic": arithmetic,
}
