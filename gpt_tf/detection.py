"""Who wrote this, a person or a model? GPT-3's study of human detection (section 3.9.4).

`Quiz` asks you. `simulate` asks functions, where nobody is there to ask. Both give counts: how many
answers of each participant were right, wrong, or "I don't know".
"""

import dataclasses
import html
import importlib.util

import numpy as np

# GPT-3, table 3.12, in per cent: news of about 500 words, mean accuracy with its 95% interval, and
# the share of "I don't know". t and p compare the 175B model with the control.
PAPER = {
    "control": {"mean": 88, "low": 84, "high": 91, "dont_know": 2.7},
    "GPT-3 175B": {
        "mean": 52, "low": 48, "high": 57, "dont_know": 10.6, "t": 12.7, "p": 3.2e-23,
    },
}  # fmt: skip
# Invented: {(right, wrong, "I don't know"): participants}, found by trial so that the statistics
# come out as the table prints them. See `answers_like_table_3_12`.
_ANSWERS = {
    "control": {
        (6, 6, 0): 2, (7, 4, 1): 1, (8, 3, 1): 1, (8, 4, 0): 3, (9, 2, 1): 2, (9, 3, 0): 5,
        (10, 1, 1): 8, (10, 2, 0): 7, (11, 0, 1): 6, (11, 1, 0): 7, (12, 0, 0): 13,
    },
    "GPT-3 175B": {
        (2, 8, 2): 3, (3, 7, 2): 1, (3, 8, 1): 2, (4, 6, 2): 4, (4, 7, 1): 5, (5, 5, 2): 3,
        (5, 6, 1): 7, (6, 4, 2): 4, (6, 5, 1): 8, (7, 4, 1): 11, (8, 3, 1): 5, (9, 2, 1): 1,
        (11, 0, 1): 1,
    },
}  # fmt: skip
CHOICES = {"m": True, "p": False, "?": None}
_CAPTIONS = {"m": "a model", "p": "a person", "?": "I don't know"}


@dataclasses.dataclass(frozen=True)
class Passage:
    """A text to judge.

    Args:
        text: str.
        by_model: bool, whether a model wrote it.
    """

    text: str
    by_model: bool


def answers_like_table_3_12():
    """Returns invented answers that have the statistics of GPT-3's table 3.12.

    The paper prints means, intervals, t and p, but nobody's answers. These are 55 made-up
    participants for each model with 12 passages each. With 55 and 55 there are 108 degrees of
    freedom, and only 108 to 110 can give the printed t and p together (Student's test with pooled
    variance, two-sided). How the answers are spread within a group is arbitrary.

    Returns:
        Dict {"control" or "GPT-3 175B": list of [right, wrong, "I don't know"]}, one entry for
        each participant.

    Example:
        >>> answers_like_table_3_12()["control"][0]
        [6, 6, 0]
    """
    return {
        name: [list(counts) for counts, people in groups.items() for _ in range(people)]
        for name, groups in _ANSWERS.items()
    }


def count_answers(passages, choices):
    """Counts one participant's answers.

    Args:
        passages: list of `Passage`.
        choices: list of True (a model wrote it), False (a person) or None (I don't know).

    Returns:
        List of three int: right, wrong, "I don't know".

    Example:
        >>> count_answers([Passage("A", True), Passage("B", True)], [True, None])
        [1, 0, 1]
    """
    asked = list(zip(passages, choices, strict=True))
    unknown = sum(choice is None for _, choice in asked)
    right = sum(choice is not None and choice == passage.by_model for passage, choice in asked)
    return [right, len(asked) - right - unknown, unknown]


def draw_passages(people, model, size, rng):
    """Draws passages to judge, half of them a model's, in random order.

    Args:
        people, model: lists of str, texts by people and by a model, at least size / 2 each.
        size: int, an even number of passages.
        rng: `numpy.random.Generator`.

    Returns:
        List of `size` different `Passage`.

    Raises:
        ValueError: an odd size or one below 2, or too few texts.

    Example:
        >>> drawn = draw_passages(human_texts, model_texts, 6, np.random.default_rng(0))
    """
    if size < 2 or size % 2 or size // 2 > min(len(people), len(model)):
        raise ValueError(
            f"{size} passages of {len(people)} and {len(model)} texts: give an even size, and at "
            "least half as many texts of each."
        )
    passages = [
        Passage(texts[i], by_model)
        for texts, by_model in ((people, False), (model, True))
        for i in rng.choice(len(texts), size // 2, replace=False)
    ]
    return [passages[i] for i in rng.permutation(size)]


def simulate(answer, people, model, participants, size=12, seed=0):
    """Lets a function answer in place of participants; each of them gets passages of their own.

    Args:
        answer: function of (text, `numpy.random.Generator`) that returns True (a model wrote it),
            False (a person) or None (I don't know).
        people, model: lists of str, as in `draw_passages`.
        participants: int.
        size: int, an even number, passages for each participant.
        seed: int.

    Returns:
        List of [right, wrong, "I don't know"], one entry for each participant.

    Raises:
        ValueError: as `draw_passages`.

    Example:
        >>> simulate(lambda text, rng: bool(rng.integers(2)), human_texts, model_texts, 80)
    """
    found = []
    for number in range(participants):
        rng = np.random.default_rng([seed, number])
        passages = draw_passages(people, model, size, rng)
        found.append(count_answers(passages, [answer(p.text, rng) for p in passages]))
    return found


class Quiz:
    """Asks a person who wrote some passages: with buttons, or by typing where there are none.

    Args:
        passages: list of `Passage`.
        title: str, shown above each passage.
        size: int, number of passages in a round. A round counts as a participant.

    Raises:
        ValueError: no passages, or a size below 1.

    Example:
        >>> quiz = Quiz(passages, size=6)
        >>> quiz.show()
    """

    def __init__(self, passages, title="Who wrote this?", size=6):
        if not passages or size < 1:
            raise ValueError("A quiz needs at least one passage, and one in each round.")
        self.passages, self.title, self.size = list(passages), title, size
        self.choices = []

    def answer(self, choice):
        """Notes the answer to the next passage.

        Args:
            choice: True (a model wrote it), False (a person) or None (I don't know).

        Raises:
            ValueError: another answer, or all passages are answered.
        """
        if choice not in (True, False, None):
            raise ValueError(f"{choice!r} is no answer; give True, False or None.")
        if self.is_over():
            raise ValueError("All passages are answered; make a new quiz.")
        self.choices.append(choice)

    def is_over(self):
        """Returns whether all passages are answered."""
        return len(self.choices) == len(self.passages)

    def counts(self):
        """Returns a list of [right, wrong, "I don't know"], one entry for each whole round."""
        rounds = range(0, len(self.choices) - self.size + 1, self.size)
        return [
            count_answers(self.passages[i : i + self.size], self.choices[i : i + self.size])
            for i in rounds
        ]

    def show(self):
        """Shows the quiz: buttons where ipywidgets is installed, else questions to type at."""
        if importlib.util.find_spec("ipywidgets"):
            self._show_buttons()
        else:
            self._ask()

    def _show_buttons(self):
        import ipywidgets
        from IPython.display import display

        text = ipywidgets.HTML()
        buttons = [ipywidgets.Button(description=caption) for caption in _CAPTIONS.values()]

        def refresh():
            body = html.escape(self._heading()) + "<hr>"
            if not self.is_over():
                body += html.escape(self.passages[len(self.choices)].text).replace("\n", "<br>")
            text.value = body
            for button in buttons:
                button.disabled = self.is_over()

        def on_click(choice):
            self.answer(choice)
            refresh()

        for button, choice in zip(buttons, CHOICES.values(), strict=True):
            button.on_click(lambda _, choice=choice: on_click(choice))
        refresh()
        display(ipywidgets.VBox([text, ipywidgets.HBox(buttons)]))

    def _ask(self):
        letters = ", ".join(f"{letter} = {caption}" for letter, caption in _CAPTIONS.items())
        while not self.is_over():
            print(f"{self._heading()}\n\n{self.passages[len(self.choices)].text}\n")
            try:
                typed = input(f"{letters}, nothing = stop: ").strip().lower()
            except (EOFError, NotImplementedError):
                # A notebook that is run by a program has nobody who could type.
                print("Nobody is here to answer.")
                return
            if not typed:
                return
            if typed in CHOICES:
                self.answer(CHOICES[typed])
            else:
                print(f"{typed!r} is no answer.")
        print(self._heading())

    def _heading(self):
        if self.is_over():
            return f"{self.title} Thank you, all {len(self.passages)} are answered."
        return f"{self.title} ({len(self.choices) + 1} of {len(self.passages)})"
