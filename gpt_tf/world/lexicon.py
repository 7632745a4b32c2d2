"""The words of the world, the random draw among them, a little grammar, and the people.

The words are in `datasets/world.toml`; nothing here knows a sentence.
"""

import dataclasses
import functools
import pathlib
import random
import tomllib

_WORDS = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "world.toml"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of things.

    Args:
        name: str, its key in `kinds`.
        noun: str, what a thing of the kind is called ("piece of furniture").
        words, held_out: tuple of str, the things.
        group: str, what the kind counts as for `Action.takes` ("food", "object" or "animal").
    """

    name: str
    noun: str
    words: tuple[str, ...]
    held_out: tuple[str, ...]
    group: str


@dataclasses.dataclass(frozen=True)
class Action:
    """What can be done to a thing.

    Args:
        name: str, its key in `actions`.
        verbs, held_out: tuple of (base, past) pairs of str, all for the same action.
        opposite: str, name of the action that excludes it.
        takes: tuple of str, the groups of kinds that it can be done to.
    """

    name: str
    verbs: tuple[tuple[str, str], ...]
    held_out: tuple[tuple[str, str], ...]
    opposite: str
    takes: tuple[str, ...]


@functools.cache
def tables():
    """Returns the tables of `datasets/world.toml`."""
    with open(_WORDS, "rb") as source:
        return tomllib.load(source)


@functools.cache
def kinds():
    """Returns {name: Kind}."""
    return {
        name: Kind(name, k["noun"], tuple(k["words"]), tuple(k["held_out"]), k["group"])
        for name, k in tables()["kinds"].items()
    }


@functools.cache
def actions():
    """Returns {name: Action}."""

    def pairs(verbs):
        return tuple((base, past) for base, past in verbs)

    return {
        a["name"]: Action(
            a["name"], pairs(a["verbs"]), pairs(a["held_out"]), a["opposite"], tuple(a["takes"])
        )
        for a in tables()["actions"]
    }


@functools.cache
def attributes():
    """Returns families of values that exclude each other; a value is a tuple of synonyms."""
    families = tables()["attributes"]
    return [
        [tuple(words) for words in values]
        for family, values in families.items()
        if family != "held_out"
    ]


@functools.cache
def names():
    """Returns a list of (name, pronoun, possessive), such as ("Anna", "she", "her")."""
    groups = tables()["people"]
    return [(name, "she", "her") for name in groups["she"]] + [
        (name, "he", "his") for name in groups["he"]
    ]


def pronouns(name):
    """Returns the pronoun and the possessive of a name."""
    return next((p, q) for other, p, q in names() if other == name)


class Draw:
    """Random choices among words, which remember whether a held-out word was chosen.

    Args:
        rng: random.Random.
        held_out: bool, whether held-out words may be chosen.
    """

    def __init__(self, rng, held_out):
        self.rng = rng
        self.has_held_out = False
        self._allowed = held_out

    def word(self, words, held_out=()):
        """Returns one of the words; of the held-out ones, too, where they are allowed."""
        pool = [*words, *held_out] if self._allowed else list(words)
        chosen = self.rng.choice(pool)
        self.has_held_out |= chosen in held_out
        return chosen

    def chance(self, share):
        """Returns True in the given share of cases."""
        return self.rng.random() < share

    def choice(self, options):
        """Returns one of the options, of which there may be any iterable."""
        return self.rng.choice(list(options))

    def thing(self, kind):
        """Returns a thing of the kind of that name."""
        return self.word(kinds()[kind].words, kinds()[kind].held_out)

    def verb(self, action):
        """Returns a verb, (base, past), for the action of that name."""
        return self.word(actions()[action].verbs, actions()[action].held_out)

    def attribute(self, value):
        """Returns a word for a value of `attributes`."""
        return self.word(value, tables()["attributes"]["held_out"].get(value[0], ()))

    def circumstance(self, family, index):
        """Returns words for an entry of the family "places" or "times", by its index."""
        if isinstance(index, str):
            return index  # "outdoors" or "indoors"
        entry = tables()[family]["all"][index]
        return self.word(entry["words"], entry["held_out"])


# ------------------------------------------------------------------------------------------ grammar


def an(noun_phrase):
    """Puts the indefinite article in front: "an apple", "a pear"."""
    return f"{'an' if noun_phrase[0] in 'aeiou' else 'a'} {noun_phrase}"


def capital(text):
    """Makes the first letter a capital one."""
    return text[0].upper() + text[1:]


def plural(noun):
    """Returns the plural: "cherries" for "cherry"."""
    irregular = {"fish": "fish", "piece of furniture": "pieces of furniture", "salmon": "salmon"}
    if noun in irregular:
        return irregular[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("ch", "sh", "s", "x", "o")) else f"{noun}s"


# ------------------------------------------------------------------------------------------- people


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


@functools.lru_cache(maxsize=8)
def _people(seed):
    rng = random.Random(f"people/{seed}")
    pets = [word for kind in ("bird", "mammal", "fish") for word in kinds()[kind].words]
    likes = [word for kind in ("fruit", "vegetable") for word in kinds()[kind].words]
    colours = [value[0] for value in attributes()[0]]
    found = []
    for name, pronoun, possessive in names():
        job = rng.choice(tables()["jobs"])
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
                friend=rng.choice([other for other, _, _ in names() if other != name]),
            )
        )
    return tuple(found)
