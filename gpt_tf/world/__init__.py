"""A little world, generated: text to pre-train on, and labelled tasks about the same world.

The world has people with jobs, pets and tastes, things of many kinds, and actions that can be named
in several ways. `documents` writes passages about it, without labels. `examples` writes labelled
examples of GPT-1's four tasks, of translation into an invented language and of arithmetic.

Some words, such as "plum", "mend" and "dismal", are held out: they never occur in a labelled
training example, but in the documents, and in half of the validation examples. What they mean can
be learned by reading only, so pre-training has something to give. The words are in
`datasets/world.toml`.

`lexicon` reads them; `events` and `opinions` make clauses of them; `labelled` has the tasks and
`passages` the documents.
"""

from gpt_tf.world.labelled import LABELS, Example, examples
from gpt_tf.world.lexicon import Person, people
from gpt_tf.world.passages import documents

__all__ = ["LABELS", "Example", "Person", "documents", "examples", "people"]
