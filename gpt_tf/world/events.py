"""What somebody did: events, how they are said in words, and what follows from them."""

import dataclasses

from gpt_tf.world import lexicon
from gpt_tf.world.lexicon import an, capital


@dataclasses.dataclass(frozen=True)
class Event:
    """What somebody did. None means that it is left open.

    Args:
        person: str, a name.
        action, kind: str, names of an `Action` and of a `Kind`.
        thing: str, one of the kind's words; None: some thing of the kind.
        attribute: tuple of str, a value of `attributes`.
        place: int, index of a place; or "outdoors" or "indoors".
        time: int, index of a time.
        negated: bool, whether it did not happen.
    """

    person: str
    action: str
    kind: str
    thing: str | None = None
    attribute: tuple[str, ...] | None = None
    place: int | str | None = None
    time: int | None = None
    negated: bool = False


def draw_event(draw, group=None):
    """Draws an event in which person, action and thing are known.

    Args:
        draw: Draw.
        group: str, the group that the thing is of; None: any that the action takes.

    Returns:
        Event.
    """
    action = draw.choice(lexicon.actions().values())
    groups = [group] if group else action.takes
    kind = draw.choice(k.name for k in lexicon.kinds().values() if k.group in groups)
    return Event(draw.choice(lexicon.names())[0], action.name, kind, draw.thing(kind))


def other_person(draw, *taken):
    """Draws a name that is not taken."""
    return draw.choice(name for name, _, _ in lexicon.names() if name not in taken)


# -------------------------------------------------------------------------------------------- words


def say(event, draw, subject=None):
    """Writes an event as a clause, without capital and full stop of its own.

    Args:
        event: Event.
        draw: Draw, which chooses the words.
        subject: str, what to call the person; None: the name.

    Returns:
        str, such as "Anna bought a red plum in the morning".
    """
    base, past = draw.verb(event.action)
    verb = f"did not {base}" if event.negated else past
    clause = f"{subject or event.person} {verb} {noun_phrase(event, draw)}"
    for family, index in (("places", event.place), ("times", event.time)):
        if index is not None:
            words = draw.circumstance(family, index)
            # Only one of the two may stand in front.
            in_front = clause.startswith(subject or event.person) and draw.chance(0.3)
            clause = f"{words} {clause}" if in_front else f"{clause} {words}"
    return clause


def sentence(event, draw, subject=None):
    """Writes an event as a whole sentence; the arguments are those of `say`."""
    return capital(say(event, draw, subject)) + "."


def noun_phrase(event, draw):
    """Writes what the event was done to: "a red plum", or "a fruit" where that is left open."""
    noun = event.thing or lexicon.kinds()[event.kind].noun
    return an(f"{draw.attribute(event.attribute)} {noun}" if event.attribute else noun)


# ------------------------------------------------------------------------------------------ details


def random_detail(draw, name):
    """Draws a value for a detail: "attribute", "place" or "time"."""
    if name == "attribute":
        return draw.choice(draw.choice(lexicon.attributes()))
    return draw.rng.randrange(len(lexicon.tables()[f"{name}s"]["all"]))


def _other_detail(event, name, draw):
    if name == "attribute":
        family = next(f for f in lexicon.attributes() if event.attribute in f)
        return draw.choice(value for value in family if value != event.attribute)
    options = range(len(lexicon.tables()[f"{name}s"]["all"]))
    if isinstance(event.place, str) and name == "place":
        return draw.choice(index for index in options if _where(index) != event.place)
    return draw.choice(index for index in options if index != getattr(event, name))


def _with_details(event, draw, share):
    """Fills in what is left open, each detail with the given chance."""
    for name in ("attribute", "place", "time"):
        if getattr(event, name) is None and draw.chance(share):
            event = dataclasses.replace(event, **{name: random_detail(draw, name)})
    return event


def _where(place):
    return place if isinstance(place, str) else lexicon.tables()["places"]["all"][place]["where"]


# -------------------------------------------------------------------------------------------- logic


def inference(draw, label):
    """Draws a hypothesis, then a premise that it has the given relation to.

    Args:
        draw: Draw.
        label: "entailment", "neutral" or "contradiction".

    Returns:
        (hypothesis, premise), two `Event`.
    """
    hypothesis = draw_hypothesis(draw)
    if hypothesis.negated:  # what contradicts "she did" entails "she did not"
        label = {"entailment": "contradiction", "contradiction": "entailment"}.get(label, label)
    make = {"entailment": entailing, "contradiction": _contradicting, "neutral": _neutral}[label]
    return hypothesis, make(dataclasses.replace(hypothesis, negated=False), draw)


def draw_hypothesis(draw):
    """Draws an event that leaves some of it open, to be judged by what another one says."""
    event = draw_event(draw)
    if draw.chance(0.5):
        event = dataclasses.replace(event, thing=None)
    detail = draw.choice(["", "", "attribute", "place", "time"])
    if detail == "place" and draw.chance(0.5):
        event = dataclasses.replace(event, place=draw.choice(["outdoors", "indoors"]))
    elif detail:
        event = dataclasses.replace(event, **{detail: random_detail(draw, detail)})
    return dataclasses.replace(event, negated=draw.chance(0.3))


def entailing(event, draw):
    """Returns an event that says the same or more: a thing for its kind, further details."""
    if event.thing is None:
        event = dataclasses.replace(event, thing=draw.thing(event.kind))
    if isinstance(event.place, str):
        places = enumerate(lexicon.tables()["places"]["all"])
        inside = [index for index, place in places if place["where"] == event.place]
        event = dataclasses.replace(event, place=draw.choice(inside))
    return _with_details(event, draw, 0.4)


def _contradicting(event, draw):
    """Changes one thing into what it excludes, in the same scene."""
    mentioned = [n for n in ("attribute", "place", "time") if getattr(event, n) is not None]
    change = draw.choice(["action", "action", "negation", *mentioned, *mentioned])
    if change == "negation":
        thing = event.thing if draw.chance(0.5) else None
        return Event(event.person, event.action, event.kind, thing, negated=True)
    premise = entailing(event, draw)
    if change == "action":
        return dataclasses.replace(premise, action=lexicon.actions()[event.action].opposite)
    return dataclasses.replace(premise, **{change: _other_detail(event, change, draw)})


def _neutral(event, draw):
    """Leaves open what the hypothesis says: by saying less, or by speaking of something else."""
    mentioned = [n for n in ("attribute", "place", "time") if getattr(event, n) is not None]
    changes = ["person", "kind", "negation", *mentioned, *mentioned]
    change = draw.choice([*changes, "thing", "thing"] if event.thing else changes)
    if change == "negation":  # that she bought no red apple leaves open whether she bought one
        event = dataclasses.replace(event, thing=event.thing or draw.thing(event.kind))
        missing = [n for n in ("attribute", "time") if getattr(event, n) is None]
        detail = draw.choice(missing)
        more = {detail: random_detail(draw, detail)}
        return dataclasses.replace(event, negated=True, **more)
    premise = entailing(event, draw)
    if change == "person":
        return dataclasses.replace(premise, person=other_person(draw, event.person))
    if change == "kind":
        groups = lexicon.actions()[event.action].takes
        kinds = [
            k.name for k in lexicon.kinds().values() if k.group in groups and k.name != event.kind
        ]
        kind = draw.choice(kinds)
        return dataclasses.replace(premise, kind=kind, thing=draw.thing(kind))
    return dataclasses.replace(premise, **{change: None})


def judge(premise, hypothesis):
    """Works out from two events whether the second is true, whatever they were made for.

    Args:
        premise: Event that is known.
        hypothesis: Event that is asked for, as if it were not negated.

    Returns:
        "Yes.", "No." or "Nobody knows.".
    """
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
