"""What somebody thought, said in words: good or bad, liked or disliked."""

from gpt_tf.world import lexicon


def opinion(draw, noun, positive):
    """Writes a clause about a noun that finds it good or bad, perhaps by denying the opposite.

    Args:
        draw: Draw.
        noun: str.
        positive: bool.

    Returns:
        str, such as "the plot was not very dull".
    """
    degree = draw.choice(lexicon.tables()["opinions"]["degrees"])
    if draw.chance(0.65):
        return f"the {noun} was {degree}{adjective(draw, positive)}"
    denied = adjective(draw, not positive)
    return draw.choice(
        [
            f"the {noun} was not {degree}{denied}",
            f"nobody would call the {noun} {denied}",
            f"there was nothing {denied} about the {noun}",
        ]
    )


def verdict(draw, noun, positive):
    """Writes an opinion, or whether I liked it; the arguments are those of `opinion`."""
    if draw.chance(0.5):
        return opinion(draw, noun, positive)
    if draw.chance(0.65):
        return f"I {taste(draw, positive)} the {noun}"
    return f"I cannot say that I {taste(draw, not positive)} the {noun}"


def taste(draw, positive):
    """Draws a verb such as "liked" or "disliked"."""
    words = lexicon.tables()["opinions"]
    side = "liked" if positive else "disliked"
    return draw.word(words[side], words[f"{side}_held_out"])


def adjective(draw, positive):
    """Draws an adjective for something good or bad."""
    words = lexicon.tables()["opinions"]
    side = "good" if positive else "bad"
    return draw.word(words[side], words[f"{side}_held_out"])
