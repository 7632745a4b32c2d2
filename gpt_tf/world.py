"""A little world, generated: text to pre-train on, and labelled tasks about the same world.

The world has people with jobs, pets and tastes, things of many kinds, and actions that can be named
in several ways. `documents` writes passages about it, without labels. `examples` writes labelled
examples of GPT-1's four tasks, of translation into an invented language and of arithmetic.

Some words, such as "plum", "mend" and "dismal", are held out: they never occur in a labelled
training example, but in the documents, and in half of the validation examples. What they mean can
be learned by reading only, so pre-training has something to give. The words are in
`datasets/world.toml`.
"""

import dataclasses
import functools
import hashlib
import itertools
import pathlib
import random
import tomllib

_WORDS = pathlib.Path(__file__).resolve().parents[1] / "datasets" / "world.toml"
_SPLITS = ("train", "validation")
_PATIENCE = 2000  # draws in a row that bring nothing new, before a task counts as used up
LABELS = {
    "classification": ("negative", "positive"),
    "entailment": ("entailment", "neutral", "contradiction"),
    "similarity": (),
    "multiple_choice": ("0", "1", "2", "3"),
    "translation": (),
    "arithmetic": (),
}


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


@dataclasses.dataclass(frozen=True)
class Person:
    """What is always true of a person in one world.

    Args:
        name, pronoun, possessive: str ("Anna", "she", "her").
        job, place, tool, does: str, of the person's work ("baker", "bakery", "oven", ...).
        pet, pet_colour, likes, colour, friend: str.
    """

    name: str
    pronoun: str
    possessive: str
    job: str
    place: str
    tool: str
    does: str
    pet: str
    pet_colour: str
    likes: str
    colour: str
    friend: str


def documents(count, seed=0):
    """Writes unlabelled passages about one world, to pre-train on.

    They say what words mean (synonyms, opposites, kinds, uses), tell what people did and thought,
    describe the people of the world, and include questions with answers, sums and translations.
    No validation example of `examples` is among them.

    Args:
        count: int, number of documents.
        seed: int, decides the facts about the people and the choice of passages.

    Returns:
        List of `count` different str of about 15 to 90 words.

    Raises:
        ValueError: a negative count.

    Example:
        >>> texts = documents(1000, seed=0)
    """
    if count < 0:
        raise ValueError(f"count is {count}: ask for 0 or more documents.")
    rng = random.Random(f"documents/{seed}")
    people = _people(seed)
    writers, weights = zip(*_WRITERS, strict=True)
    texts = {}
    while len(texts) < count:
        write = rng.choices(writers, weights)[0]
        texts.setdefault(write(_Draw(rng, held_out=True), people))
    return list(texts)


def people(seed=0):
    """Tells the facts about the people of one world, which its documents agree with.

    Args:
        seed: int, as for `documents`.

    Returns:
        List of `Person`.

    Example:
        >>> people(0)[0].name
        'Anna'
    """
    return list(_people(seed))


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
        draw = _Draw(rng, held_out=wants_new)
        example = _MAKERS[task](draw, target)
        fits = draw.has_held_out if wants_new else _split_of(example) == split
        repeats = len(set(example.texts)) < len(example.texts)
        if fits and not repeats and example.texts not in found:
            return example
    raise ValueError(
        f"The task {task} has no more than about {len(found):,} different examples in {split}: "
        "ask for fewer."
    )


def _split_of(example):
    """Puts examples of the same words, in whatever order, into the same split."""
    words = sorted(" ".join(example.texts).lower().replace("?", " ").replace(".", " ").split())
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    return "validation" if digest[0] < 51 else "train"  # a fifth


# --------------------------------------------------------------------------------------- lexicon


@dataclasses.dataclass(frozen=True)
class _Kind:
    name: str
    noun: str
    words: tuple[str, ...]
    held_out: tuple[str, ...]
    group: str


@dataclasses.dataclass(frozen=True)
class _Action:
    name: str
    verbs: tuple[tuple[str, str], ...]
    held_out: tuple[tuple[str, str], ...]
    opposite: str
    takes: tuple[str, ...]


@functools.cache
def _lexicon():
    with open(_WORDS, "rb") as source:
        return tomllib.load(source)


@functools.cache
def _kinds():
    return {
        name: _Kind(name, k["noun"], tuple(k["words"]), tuple(k["held_out"]), k["group"])
        for name, k in _lexicon()["kinds"].items()
    }


@functools.cache
def _actions():
    def pairs(verbs):
        return tuple((base, past) for base, past in verbs)

    return {
        a["name"]: _Action(
            a["name"], pairs(a["verbs"]), pairs(a["held_out"]), a["opposite"], tuple(a["takes"])
        )
        for a in _lexicon()["actions"]
    }


@functools.cache
def _attributes():
    """Families of values that exclude each other; a value is a tuple of words for the same."""
    families = _lexicon()["attributes"]
    return [
        [tuple(words) for words in values]
        for family, values in families.items()
        if family != "held_out"
    ]


@functools.cache
def _names():
    groups = _lexicon()["people"]
    return [(name, "she", "her") for name in groups["she"]] + [
        (name, "he", "his") for name in groups["he"]
    ]


class _Draw:
    """Random choices among words, which remember whether a held-out word was chosen."""

    def __init__(self, rng, held_out):
        self.rng = rng
        self.has_held_out = False
        self._allowed = held_out

    def word(self, words, held_out=()):
        pool = [*words, *held_out] if self._allowed else list(words)
        chosen = self.rng.choice(pool)
        self.has_held_out |= chosen in held_out
        return chosen

    def chance(self, share):
        return self.rng.random() < share

    def choice(self, options):
        return self.rng.choice(list(options))

    def thing(self, kind):
        return self.word(_kinds()[kind].words, _kinds()[kind].held_out)

    def verb(self, action):
        return self.word(_actions()[action].verbs, _actions()[action].held_out)

    def attribute(self, value):
        return self.word(value, _lexicon()["attributes"]["held_out"].get(value[0], ()))

    def circumstance(self, family, index):
        if isinstance(index, str):
            return index  # "outdoors" or "indoors"
        entry = _lexicon()[family]["all"][index]
        return self.word(entry["words"], entry["held_out"])


def _a(noun_phrase):
    return f"{'an' if noun_phrase[0] in 'aeiou' else 'a'} {noun_phrase}"


def _capital(text):
    return text[0].upper() + text[1:]


# ----------------------------------------------------------------------------------------- events


@dataclasses.dataclass(frozen=True)
class _Event:
    """What somebody did. None means that it is left open."""

    person: str
    action: str
    kind: str
    thing: str | None = None
    attribute: tuple[str, ...] | None = None
    place: int | str | None = None
    time: int | None = None
    negated: bool = False


def _event(draw, group=None):
    """An event in which person, action and thing are known."""
    action = draw.choice(_actions().values())
    groups = [group] if group else action.takes
    kind = draw.choice(k.name for k in _kinds().values() if k.group in groups)
    return _Event(draw.choice(_names())[0], action.name, kind, draw.thing(kind))


def _noun_phrase(event, draw):
    noun = event.thing or _kinds()[event.kind].noun
    return _a(f"{draw.attribute(event.attribute)} {noun}" if event.attribute else noun)


def _say(event, draw, subject=None):
    """Writes an event as a clause, without capital and full stop of its own."""
    base, past = draw.verb(event.action)
    verb = f"did not {base}" if event.negated else past
    clause = f"{subject or event.person} {verb} {_noun_phrase(event, draw)}"
    for family, index in (("places", event.place), ("times", event.time)):
        if index is not None:
            words = draw.circumstance(family, index)
            # Only one of the two may stand in front.
            in_front = clause.startswith(subject or event.person) and draw.chance(0.3)
            clause = f"{words} {clause}" if in_front else f"{clause} {words}"
    return clause


def _sentence(event, draw, subject=None):
    return _capital(_say(event, draw, subject)) + "."


def _random_detail(draw, name):
    if name == "attribute":
        return draw.choice(draw.choice(_attributes()))
    return draw.rng.randrange(len(_lexicon()[f"{name}s"]["all"]))


def _with_details(event, draw, share):
    """Fills in what is left open, each detail with the given chance."""
    for name in ("attribute", "place", "time"):
        if getattr(event, name) is None and draw.chance(share):
            event = dataclasses.replace(event, **{name: _random_detail(draw, name)})
    return event


def _where(place):
    return place if isinstance(place, str) else _lexicon()["places"]["all"][place]["where"]


# ------------------------------------------------------------------------------------- entailment


def _entailment(draw, target):
    """The hypothesis is drawn first and knows nothing of the label: alone it gives nothing away."""
    hypothesis, premise = _inference(draw, LABELS["entailment"][target])
    text = _say(premise, draw)
    if draw.chance(0.4):
        text = _beside(text, premise, hypothesis, draw)
    return Example((_capital(text) + ".", _sentence(hypothesis, draw)), target)


def _inference(draw, label):
    hypothesis = _hypothesis(draw)
    if hypothesis.negated:  # what contradicts "she did" entails "she did not"
        label = {"entailment": "contradiction", "contradiction": "entailment"}.get(label, label)
    make = {"entailment": _entailing, "contradiction": _contradicting, "neutral": _neutral}[label]
    return hypothesis, make(dataclasses.replace(hypothesis, negated=False), draw)


def _hypothesis(draw):
    event = _event(draw)
    if draw.chance(0.5):
        event = dataclasses.replace(event, thing=None)
    detail = draw.choice(["", "", "attribute", "place", "time"])
    if detail == "place" and draw.chance(0.5):
        event = dataclasses.replace(event, place=draw.choice(["outdoors", "indoors"]))
    elif detail:
        event = dataclasses.replace(event, **{detail: _random_detail(draw, detail)})
    return dataclasses.replace(event, negated=draw.chance(0.3))


def _entailing(event, draw):
    """Says the same or more: a thing for its kind, a place for outdoors, further details."""
    if event.thing is None:
        event = dataclasses.replace(event, thing=draw.thing(event.kind))
    if isinstance(event.place, str):
        places = enumerate(_lexicon()["places"]["all"])
        inside = [index for index, place in places if place["where"] == event.place]
        event = dataclasses.replace(event, place=draw.choice(inside))
    return _with_details(event, draw, 0.4)


def _contradicting(event, draw):
    """Changes one thing into what it excludes, in the same scene."""
    mentioned = [n for n in ("attribute", "place", "time") if getattr(event, n) is not None]
    change = draw.choice(["action", "action", "negation", *mentioned, *mentioned])
    if change == "negation":
        thing = event.thing if draw.chance(0.5) else None
        return _Event(event.person, event.action, event.kind, thing, negated=True)
    premise = _entailing(event, draw)
    if change == "action":
        return dataclasses.replace(premise, action=_actions()[event.action].opposite)
    return dataclasses.replace(premise, **{change: _other_detail(event, change, draw)})


def _other_detail(event, name, draw):
    if name == "attribute":
        family = next(f for f in _attributes() if event.attribute in f)
        return draw.choice(value for value in family if value != event.attribute)
    options = range(len(_lexicon()[f"{name}s"]["all"]))
    if isinstance(event.place, str) and name == "place":
        return draw.choice(index for index in options if _where(index) != event.place)
    return draw.choice(index for index in options if index != getattr(event, name))


def _neutral(event, draw):
    """Leaves open what the hypothesis says: by saying less, or by speaking of something else."""
    mentioned = [n for n in ("attribute", "place", "time") if getattr(event, n) is not None]
    changes = ["person", "kind", "negation", *mentioned, *mentioned]
    change = draw.choice([*changes, "thing", "thing"] if event.thing else changes)
    if change == "negation":  # that she bought no red apple leaves open whether she bought one
        event = dataclasses.replace(event, thing=event.thing or draw.thing(event.kind))
        missing = [n for n in ("attribute", "time") if getattr(event, n) is None]
        detail = draw.choice(missing)
        more = {detail: _random_detail(draw, detail)}
        return dataclasses.replace(event, negated=True, **more)
    premise = _entailing(event, draw)
    if change == "person":
        return dataclasses.replace(premise, person=_other_person(draw, event.person))
    if change == "kind":
        groups = _actions()[event.action].takes
        kinds = [k.name for k in _kinds().values() if k.group in groups and k.name != event.kind]
        kind = draw.choice(kinds)
        return dataclasses.replace(premise, kind=kind, thing=draw.thing(kind))
    return dataclasses.replace(premise, **{change: None})


def _other_person(draw, *taken):
    return draw.choice(name for name, _, _ in _names() if name not in taken)


def _beside(text, premise, hypothesis, draw):
    """Adds what somebody else did, which changes nothing."""
    other = dataclasses.replace(
        _event(draw), person=_other_person(draw, premise.person, hypothesis.person)
    )
    clauses = [text, _say(other, draw)]
    draw.rng.shuffle(clauses)
    return draw.choice([", and ", ", while "]).join(clauses)


# ------------------------------------------------------------------------------------- similarity

_LEVELS = 6  # of closeness, from nothing in common to a paraphrase


def _similarity(draw, target):
    """Two sentences of two clauses each. Who did what to what counts, not which words occur."""
    first = (_event(draw, "object"), _event(draw, "object"))
    while first[0].person == first[1].person or first[0].thing == first[1].thing:
        first = (_event(draw, "object"), _event(draw, "object"))
    second = first
    for change in (_other_persons, _other_actions, _other_things):
        if not draw.chance(target / (_LEVELS - 1)):
            second = change(second, draw)
    texts = []
    for events in (first, second):
        events = draw.rng.sample(events, 2)  # which clause stands first means nothing
        link = draw.choice([" and ", ", while "])
        texts.append(_capital(link.join(_say(event, draw) for event in events)) + ".")
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
    names = draw.rng.sample([name for name, _, _ in _names()], 2)
    return tuple(dataclasses.replace(e, person=n) for e, n in zip(events, names, strict=True))


def _other_actions(events, draw):
    if draw.chance(0.4):
        return _swapped(events, "action")
    if draw.chance(0.5):
        actions = [_actions()[event.action].opposite for event in events]
    else:
        actions = draw.rng.sample(list(_actions()), 2)
    return tuple(dataclasses.replace(e, action=a) for e, a in zip(events, actions, strict=True))


def _other_things(events, draw):
    if draw.chance(0.5):
        return _swapped(events, "thing")
    kinds = [k.name for k in _kinds().values() if k.group == "object"]
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
    elif _actions()[first.action].opposite == second.action:
        score += 0.5
    return score + (2.0 if first.thing == second.thing else 1.0 * (first.kind == second.kind))


# -------------------------------------------------------------------------------- multiple choice


def _multiple_choice(draw, target):
    passage, question, options, answer = _passage_question(draw, 4)
    others = [option for option in options if option != answer]
    draw.rng.shuffle(others)
    options = [*others[:target], answer, *others[target:]]
    return Example((f"{passage} {question}", *options), target)


def _passage_question(draw, size):
    """Everything that the wrong options name happens in the passage, to somebody else."""
    events = _different_events(draw, size)
    subject = draw.choice(events)
    things = {event: _a(event.thing) for event in events}
    places = {event: draw.circumstance("places", event.place) for event in events}
    sentences = [f"{e.person} {draw.verb(e.action)[1]} {things[e]} {places[e]}." for e in events]
    base, past = draw.verb(subject.action)
    asked = draw.choice(["who", "what", "where"])
    if asked == "who":
        noun = subject.thing if draw.chance(0.4) else _kinds()[subject.kind].noun
        question, options = f"Who {past} {_a(noun)}?", {e: e.person for e in events}
    elif asked == "what":
        question, options = f"What did {subject.person} {base}?", things
    else:
        question = f"Where did {subject.person} {base} {_a(subject.thing)}?"
        options = places
    return " ".join(sentences), question, list(options.values()), options[subject]


def _different_events(draw, size):
    kinds = [k.name for k in _kinds().values() if k.group != "animal"]
    chosen_kinds = draw.rng.sample(kinds, size)
    for_all = [a.name for a in _actions().values() if "food" in a.takes]
    same = draw.choice(for_all) if draw.chance(0.5) else None
    names = draw.rng.sample([name for name, _, _ in _names()], size)
    places = draw.rng.sample(range(len(_lexicon()["places"]["all"])), size)
    return [
        _Event(name, same or draw.choice(for_all), kind, draw.thing(kind), place=place)
        for name, kind, place in zip(names, chosen_kinds, places, strict=True)
    ]


# --------------------------------------------------------------------------------- classification


def _classification(draw, target):
    """A review, whose verdict is not the sum of its words: it denies, grants and turns round."""
    positive = bool(target)
    topic = draw.choice(_lexicon()["opinions"]["topics"])
    part, other = draw.rng.sample(_lexicon()["opinions"]["topics"][topic], 2)
    form = draw.choice(["plain", "agree", "but", "although", "although_last"])
    if form == "plain":
        return Example((_capital(_verdict(draw, topic, positive)) + ".",), target)
    if form == "agree":
        text = f"{_opinion(draw, part, positive)} and {_opinion(draw, other, positive)}"
        return Example((_capital(text) + ".",), target)
    close = draw.choice(["all in all", "in the end", "on the whole"])
    verdict = f"{close} {_verdict(draw, topic, positive)}"
    granted = _opinion(draw, part, not positive)
    text = {
        "but": f"{granted}, but {verdict}",
        "although": f"although {granted}, {verdict}",
        "although_last": f"{verdict}, although {granted}",
    }[form]
    return Example((_capital(text) + ".",), target)


def _adjective(draw, positive):
    words = _lexicon()["opinions"]
    side = "good" if positive else "bad"
    return draw.word(words[side], words[f"{side}_held_out"])


def _opinion(draw, noun, positive):
    degree = draw.choice(_lexicon()["opinions"]["degrees"])
    if draw.chance(0.65):
        return f"the {noun} was {degree}{_adjective(draw, positive)}"
    denied = _adjective(draw, not positive)
    return draw.choice(
        [
            f"the {noun} was not {degree}{denied}",
            f"nobody would call the {noun} {denied}",
            f"there was nothing {denied} about the {noun}",
        ]
    )


def _verdict(draw, noun, positive):
    if draw.chance(0.5):
        return _opinion(draw, noun, positive)
    if draw.chance(0.65):
        return f"I {_taste(draw, positive)} the {noun}"
    return f"I cannot say that I {_taste(draw, not positive)} the {noun}"


def _taste(draw, positive):
    words = _lexicon()["opinions"]
    side = "liked" if positive else "disliked"
    return draw.word(words[side], words[f"{side}_held_out"])


# --------------------------------------------------------------------- translation and arithmetic


@functools.cache
def _dictionary():
    """Gives each word of the language two syllables of its own."""
    language = _lexicon()["language"]
    syllables = [c + v for c in language["consonants"] for v in language["vowels"]]
    forms = ["".join(pair) for pair in itertools.permutations(syllables, 2)]
    random.Random(0).shuffle(forms)
    groups = ("verbs", "nouns", "nouns_held_out", "adjectives", "places")
    words = [word for group in groups for word in language[group]]
    return dict(zip(words, forms, strict=False))


def _translation(draw, _target):
    english, other = _bilingual(draw)
    return Example((f"English: {english}\n{_lexicon()['language']['name']}:",), f" {other}")


def _bilingual(draw):
    language, velish = _lexicon()["language"], _dictionary()
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


def _arithmetic(draw, _target):
    """GPT-3's wording of its two-digit sums (section 3.9.1): operands from 0 to 99."""
    first, second = draw.rng.randrange(100), draw.rng.randrange(100)
    if draw.chance(0.5):
        return Example((f"Q: What is {first} plus {second}? A:",), f" {first + second}")
    return Example((f"Q: What is {first} minus {second}? A:",), f" {first - second}")


_MAKERS = {
    "classification": _classification,
    "entailment": _entailment,
    "similarity": _similarity,
    "multiple_choice": _multiple_choice,
    "translation": _translation,
    "arithmetic": _arithmetic,
}


# -------------------------------------------------------------------------------------- documents


@functools.lru_cache(maxsize=8)
def _people(seed):
    rng = random.Random(f"people/{seed}")
    pets = [word for kind in ("bird", "mammal", "fish") for word in _kinds()[kind].words]
    likes = [word for kind in ("fruit", "vegetable") for word in _kinds()[kind].words]
    colours = [value[0] for value in _attributes()[0]]
    found = []
    for name, pronoun, possessive in _names():
        job = rng.choice(_lexicon()["jobs"])
        found.append(
            Person(
                name=name,
                pronoun=pronoun,
                possessive=possessive,
                job=job["name"],
                place=job["place"],
                tool=job["tool"],
                does=job["does"],
                pet=rng.choice(pets),
                pet_colour=rng.choice(colours),
                likes=rng.choice(likes),
                colour=rng.choice(colours),
                friend=rng.choice([other for other, _, _ in _names() if other != name]),
            )
        )
    return tuple(found)


def _pronouns(name):
    return next((p, q) for other, p, q in _names() if other == name)


def _plural(noun):
    irregular = {"fish": "fish", "piece of furniture": "pieces of furniture", "salmon": "salmon"}
    if noun in irregular:
        return irregular[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("ch", "sh", "s", "x", "o")) else f"{noun}s"


def _write_person(draw, people):
    p = draw.choice(people)
    sentences = [
        f"{p.name} is {_a(p.job)}.",
        f"{_capital(p.pronoun)} works in the {p.place} with {p.possessive} {p.tool}.",
        f"{_capital(p.pronoun)} has a {p.pet_colour} {p.pet}.",
        f"{_capital(p.pronoun)} likes to eat {_plural(p.likes)}.",
        f"{_capital(p.possessive)} favourite colour is {p.colour}.",
        f"{_capital(p.possessive)} best friend is {p.friend}.",
    ]
    return " ".join([sentences[0], *draw.rng.sample(sentences[1:], draw.choice([2, 3, 4]))])


def _write_person_question(draw, people):
    lines = []
    for p in draw.rng.sample(people, 3):
        lines.append(
            draw.choice(
                [
                    f"Q: What is {p.name}'s job? A: {p.name} is {_a(p.job)}.",
                    f"Q: Where does {p.name} work? A: In the {p.place}.",
                    f"Q: What does {p.name} like to eat? A: {_capital(_plural(p.likes))}.",
                    f"Q: Who is {p.name}'s best friend? A: {p.friend}.",
                    f"Q: Which animal does {p.name} have? A: {_capital(_a(p.pet))}.",
                    f"Q: Is {p.name} {_a(p.job)}? A: Yes.",
                ]
            )
        )
    return "\n".join(lines)


def _write_day(draw, people):
    p = draw.choice(people)
    events = [dataclasses.replace(_event(draw), person=p.name) for _ in range(3)]
    events = [
        dataclasses.replace(e, place=_random_detail(draw, "place"), time=None) for e in events
    ]
    feeling = draw.choice(["happy", "unhappy"])
    word = draw.choice(_lexicon()["opinions"][feeling])
    first, second, third = (_say(e, draw, p.pronoun) for e in events)
    return (
        f"{p.name} got up early and went to the {p.place}, because {p.pronoun} is {_a(p.job)}. "
        f"Then {first}. After that {second}. At last {third}. "
        f"In the evening {p.pronoun} was {word} and told {p.friend} about it."
    )


def _write_kinds(draw, people):
    kind = draw.choice(_kinds().values())
    one, two, three = draw.rng.sample([*kind.words, *kind.held_out], 3)
    other = draw.choice(k for k in _kinds().values() if k is not kind)
    stranger = draw.choice([*other.words, *other.held_out])
    name = draw.choice(people).name
    sentences = [
        f"{_capital(_a(one))} is {_a(kind.noun)}.",
        f"{_capital(_plural(one))} and {_plural(two)} are {_plural(kind.noun)}.",
        f"{name} knows three {_plural(kind.noun)}: the {one}, the {two} and the {three}.",
        f"{_capital(_a(stranger))} is not {_a(kind.noun)} but {_a(other.noun)}.",
        f"Is {_a(one)} {_a(kind.noun)}? Yes, it is.",
        f"Is {_a(stranger)} {_a(kind.noun)}? No, it is {_a(other.noun)}.",
        f"Whoever has {_a(two)} has {_a(kind.noun)}.",
    ]
    return " ".join(draw.rng.sample(sentences, 3))


def _write_uses(draw, _people):
    sentences = []
    for thing, purpose in draw.rng.sample(_lexicon()["facts"]["uses"], 2):
        sentences.append(
            draw.choice(
                [
                    f"You use {_a(thing)} to {purpose}.",
                    f"To {purpose} you need {_a(thing)}.",
                    f"Q: What can you use to {purpose}? A: {_capital(_a(thing))}.",
                ]
            ).replace("a scissors", "scissors")
        )
    for animal, does in draw.rng.sample(_lexicon()["facts"]["animals"], 2):
        sentences.append(
            draw.choice(
                [
                    f"{_capital(_a(animal))} {does}.",
                    f"Which animal {does}? The {animal} {does}.",
                    f"Everybody knows that {_a(animal)} {does}.",
                ]
            )
        )
    draw.rng.shuffle(sentences)
    return " ".join(sentences)


def _write_jobs(draw, _people):
    job = draw.choice(_lexicon()["jobs"])
    other = draw.choice(j for j in _lexicon()["jobs"] if j is not job)
    sentences = [
        f"{_capital(_a(job['name']))} {job['does']}.",
        f"{_capital(_a(job['name']))} works in a {job['place']} and needs {_a(job['tool'])}.",
        f"Who {job['does']}? {_capital(_a(job['name']))} does.",
        f"In the {job['place']} you meet the {job['name']}, and in the {other['place']} the "
        f"{other['name']}.",
        f"Q: Who works in the {other['place']}? A: The {other['name']}.",
    ]
    return " ".join(draw.rng.sample(sentences, 3))


def _write_synonyms(draw, people):
    action = draw.choice(a for a in _actions().values() if len(a.verbs) + len(a.held_out) > 1)
    (base, past), (base2, past2) = draw.rng.sample([*action.verbs, *action.held_out], 2)
    opposite = draw.choice(_actions()[action.opposite].verbs)
    kind = draw.choice(k for k in _kinds().values() if k.group in action.takes)
    thing = draw.thing(kind.name)
    name = draw.choice(people).name
    pronoun = _pronouns(name)[0]
    sentences = [
        f"To {base} {_a(thing)} is to {base2} {_a(thing)}.",
        f"When {name} {past} {_a(thing)}, we can also say that {pronoun} {past2} the {thing}.",
        f"The opposite of {base} is {opposite[0]}.",
        f"Whoever {past} {_a(thing)} did not {opposite[0]} the {thing}.",
        f"Q: What is another word for {base}? A: {_capital(base2)}.",
        f"{name} {past} {_a(thing)}. So {pronoun} {past2} {_a(kind.noun)}.",
    ]
    return " ".join(draw.rng.sample(sentences, 3))


def _write_other_words(draw, people):
    """Other words for attributes, places and times."""
    held_out = _lexicon()["attributes"]["held_out"]
    values = [[*v, *held_out.get(v[0], [])] for family in _attributes() for v in family]
    entries = [*_lexicon()["places"]["all"], *_lexicon()["times"]["all"]]
    values += [[*entry["words"], *entry["held_out"]] for entry in entries]
    sentences = []
    for words in draw.rng.sample([v for v in values if len(v) > 1], 2):
        one, two = draw.rng.sample(words, 2)
        name = draw.choice(people).name
        pronoun = _pronouns(name)[0]
        if " " in one:
            sentences.append(f"{name} was {one}, so {pronoun} was {two}.")
        else:
            thing = draw.thing(draw.choice(_kinds()))
            sentences.append(f"{name} had {_a(f'{one} {thing}')}, and {_a(two)} {thing} is {one}.")
    place = draw.choice(_lexicon()["places"]["all"])
    where = draw.choice([*place["words"], *place["held_out"]])
    sentences.append(f"Whoever is {where} is {place['where']}.")
    draw.rng.shuffle(sentences)
    return " ".join(sentences)


def _write_restatement(draw, _people):
    """Says an event twice, in other words and with less detail, and what did not happen."""
    hypothesis = dataclasses.replace(_hypothesis(draw), negated=False)
    premise = _entailing(hypothesis, draw)
    pronoun = _pronouns(premise.person)[0]
    again = _say(hypothesis, draw, pronoun)
    denied = dataclasses.replace(
        hypothesis, action=_actions()[premise.action].opposite, negated=True
    )
    link = draw.choice(["In other words,", "That means", "So"])
    text = f"{_sentence(premise, draw)} {link} {again}."
    return f"{text} {_sentence(denied, draw, pronoun)}" if draw.chance(0.5) else text


def _write_inference(draw, _people):
    label = draw.choice(LABELS["entailment"])
    hypothesis, premise = _inference(draw, label)
    hypothesis = dataclasses.replace(hypothesis, negated=False)
    pronoun = _pronouns(hypothesis.person)[0]
    if premise.person != hypothesis.person:
        pronoun = hypothesis.person
    base = draw.verb(hypothesis.action)[0]
    question = f"Did {pronoun} {base} {_noun_phrase(hypothesis, draw)}"
    if hypothesis.place is not None:
        question += f" {draw.circumstance('places', hypothesis.place)}"
    if hypothesis.time is not None:
        question += f" {draw.circumstance('times', hypothesis.time)}"
    return f"{_sentence(premise, draw)} {question}? {_answer(premise, hypothesis)}"


def _answer(premise, hypothesis):
    """Works out the answer from the two events, whatever they were made for."""
    said = [n for n in ("attribute", "place", "time") if getattr(hypothesis, n) is not None]
    if premise.person != hypothesis.person or premise.kind != hypothesis.kind:
        return "Nobody knows."
    if premise.negated:
        more = [n for n in ("attribute", "place", "time") if getattr(premise, n) is not None]
        narrower = premise.thing is not None and hypothesis.thing is None
        return "Nobody knows." if narrower or set(more) - set(said) else "No."
    if premise.action != hypothesis.action:
        return "No."
    answer = "Yes."
    if hypothesis.thing is not None and premise.thing is None:
        answer = "Nobody knows."
    for name in said:
        mine, theirs = getattr(premise, name), getattr(hypothesis, name)
        if mine is None:
            answer = "Nobody knows."
        elif mine != theirs and not (isinstance(theirs, str) and _where(mine) == theirs):
            return "No."
    return answer


def _write_questions(draw, _people):
    passage, question, _, answer = _passage_question(draw, draw.choice([2, 3]))
    return f"{passage}\nQ: {question} A: {_capital(answer)}."


def _write_review(draw, people):
    topic = draw.choice(_lexicon()["opinions"]["topics"])
    part = draw.choice(_lexicon()["opinions"]["topics"][topic])
    positive = draw.chance(0.5)
    p = draw.choice(people)
    feeling = draw.choice(_lexicon()["opinions"]["happy" if positive else "unhappy"])
    reactions = _lexicon()["opinions"]["reactions"]["good" if positive else "bad"]
    reaction = f"{_capital(p.pronoun)} {draw.choice(reactions)}."
    opinion = _opinion(draw, part, positive)
    taste = f"{_capital(p.pronoun)} {_taste(draw, positive)} the {topic}."
    text = f"{p.name} talked about the {topic}. {_capital(opinion)}, so {p.pronoun} was {feeling}. "
    text += draw.choice([taste, reaction, f"{taste} {reaction}"])
    if draw.chance(0.4):
        text += f" Q: Did {p.name} like the {topic}? A: {'Yes' if positive else 'No'}."
    return text


def _write_opinion_words(draw, _people):
    sentences = []
    for positive in draw.rng.sample([True, False, True, False], 3):
        one, two = _adjective(draw, positive), _adjective(draw, positive)
        opposite, side = _adjective(draw, not positive), "good" if positive else "bad"
        likes = _taste(draw, positive)
        sentences.append(
            draw.choice(
                [
                    f"What is {one} is {two} and not {opposite}.",
                    f"{_capital(one)} is a word for something {side}.",
                    f"The opposite of {one} is {opposite}.",
                    f"They {likes} it because it was {one}.",
                    f"If it is not {opposite}, it may be {one}.",
                    f"Q: Is something {one} good or bad? A: {_capital(side)}.",
                ]
            )
        )
    return " ".join(sentences)


def _write_sums(draw, _people):
    lines = []
    while len(lines) < 4:
        example = _arithmetic(draw, 0)
        if _split_of(example) == "train":
            lines.append(f"{example.texts[0]}{example.label}")
    return "\n".join(lines)


def _write_translations(draw, _people):
    lines = []
    while len(lines) < 3:
        # Sentences with a held-out noun are kept for validation; the nouns come below.
        example = _translation(_Draw(draw.rng, held_out=False), 0)
        if _split_of(example) == "train":
            lines.append(f"{example.texts[0]}{example.label}")
    return "\n".join(lines)


def _write_dictionary(draw, _people):
    language, velish = _lexicon()["language"], _dictionary()
    nouns = [*language["nouns"], *language["nouns_held_out"] * 2]
    words = draw.rng.sample([*nouns, *language["adjectives"], *language["verbs"]], 3)
    sentences = [f"The {language['name']} word for {word} is {velish[word]}." for word in words]
    noun, adjective = draw.choice(nouns), draw.choice(language["adjectives"])
    sentences.append(
        f"In {language['name']} {_a(f'{adjective} {noun}')} is {velish[noun]} {velish[adjective]}."
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
