# %% [markdown]
# # Lab 02 · Byte-pair encoding
#
# A model reads numbers, so text must be cut into pieces, and each piece gets a number. What should
# a piece be?
#
# * **Words**: short sequences, but tomorrow's text has a word that today's list lacks.
# * **Characters**: nothing is ever missing, but sequences get long, and attention pays for that.
#
# GPT takes the middle road: byte-pair encoding (BPE). Frequent words become one piece, rare ones
# are spelled out of smaller pieces. GPT-1 learned 40,000 merges (section 4.1). GPT-2 starts from
# bytes, so that it can read any text at all (section 2.2), and GPT-3 keeps that.
#
# You build the whole thing: learning the merges, encoding, decoding. At the end your code encodes
# text exactly as the published GPT-2 vocabulary does, and it is the tokenizer of all later labs.

# %%
import collections
import functools
import heapq
import itertools
import os

import matplotlib.pyplot as plt
import regex
import tokenizers
from tqdm import tqdm

from gpt_tf import catalog, corpora
from gpt_tf.tokenizer import Tokenizer

# %% [markdown]
# ## 2.1 Which neighbours meet most often
#
# BPE begins with single symbols and asks one question again and again: which two neighbours stand
# side by side most often? So you first need to count.
#
# A text repeats its words. You count in a table of distinct words, and each word weighs as much as
# it occurs. That is far less work than walking through the text.


# %% exercise="lab02.count_pairs" points=2 minutes=10 difficulty=1
def count_pairs(words):
    """Counts how often each two symbols stand side by side (Sennrich et al. 2016, section 3.2).

    Args:
        words: dict {tuple of str: int}, each word as its symbols, and how often it occurs.

    Returns:
        Dict {(left, right): int}, for each pair of neighbours the number of places in the text
        where they meet. Places may overlap: ("a", "a", "a") has the pair ("a", "a") twice.

    Example:
        >>> count_pairs({("l", "o", "w"): 5, ("l", "o"): 2})
        {("l", "o"): 7, ("o", "w"): 5}
    """
    ### BEGIN SOLUTION
    counts = collections.Counter()
    for word, count in words.items():
        for pair in itertools.pairwise(word):
            counts[pair] += count
    return counts
    ### END SOLUTION


# %%
check("lab02.count_pairs")

# %% [markdown]
# ## 2.2 Two symbols become one
#
# The winning pair becomes a new symbol. Wherever the two meet, they are joined.
#
# Two traps. In `a a a` the pair (a, a) fits in two places, but a symbol can be used only once: go
# from left to right. And compare whole symbols: in `xa b` there is no symbol `a`, so (a, b) does
# not fit, even though the letters do.


# %% exercise="lab02.merge_pair" points=2 minutes=10 difficulty=1
def merge_pair(symbols, pair):
    """Joins each place where two given symbols meet, from left to right.

    Args:
        symbols: list or tuple of str.
        pair: (str, str), the left and the right symbol.

    Returns:
        List of str, the new symbols. Joined, they give the same text as before.

    Example:
        >>> merge_pair(["l", "o", "w", "l", "o"], ("l", "o"))
        ["lo", "w", "lo"]
    """
    ### BEGIN SOLUTION
    left, right = pair
    merged, i = [], 0
    while i < len(symbols):
        if symbols[i] == left and i + 1 < len(symbols) and symbols[i + 1] == right:
            merged.append(left + right)
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return merged
    ### END SOLUTION


# %%
check("lab02.merge_pair")

# %% [markdown]
# ## 2.3 Learning the merges
#
# Now the loop. Count, take the most frequent pair, merge it everywhere, and again. The list of
# merges, in their order, is all that is learned: there is no gradient here.
#
# When two pairs are equally frequent, take the smaller one (`("a", "b") < ("a", "c")`, as Python
# compares tuples). Any rule would do, but there must be one, or two runs give two vocabularies.
#
# **First make it right**: five lines with the two functions above pass the test.
#
# **Then make it fast**, because every later lab trains its vocabulary with your code. Recounting
# all words after each merge is wasteful: a merge changes only the words that hold the pair. Keep a
# table from each pair to the words it occurs in. After a merge, visit just those words: take their
# old pairs off the counts and put their new ones on. To find the largest count without looking at
# all of them, keep a heap (`heapq`): push a pair again whenever its count changes, and skip what is
# out of date when it comes to the top.


# %% exercise="lab02.train_bpe" points=5 minutes=30 difficulty=3
def train_bpe(word_counts, num_merges):
    """Learns merges from words (GPT-1, section 4.1; Sennrich et al. 2016, section 3.2).

    Again and again the most frequent pair of neighbours is merged in all words. Among equally
    frequent pairs the smallest is taken.

    Args:
        word_counts: dict {word: int}, how often each word occurs. A word is a str, which begins as
            its characters, or a tuple of str, which begins as these symbols.
        num_merges: int, how many merges to learn.

    Returns:
        List of (str, str), the merges in the order in which they were learned; fewer than
        `num_merges` where no two neighbours are left.

    Example:
        >>> train_bpe({"low": 5, "lower": 2}, num_merges=3)
        [("l", "o"), ("lo", "w"), ("e", "r")]
    """
    ### BEGIN SOLUTION
    words, counts = [list(word) for word in word_counts], list(word_counts.values())
    pair_counts, homes = collections.Counter(), collections.defaultdict(set)
    for i, word in enumerate(words):
        for pair in itertools.pairwise(word):
            pair_counts[pair] += counts[i]
            homes[pair].add(i)
    queue = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(queue)
    merges = []
    for _ in tqdm(range(num_merges), desc="merges", unit="merge", delay=1):
        # What the heap says about a pair is out of date once its count has changed.
        while queue and -queue[0][0] != pair_counts[queue[0][1]]:
            heapq.heappop(queue)
        if not queue:
            break
        best = queue[0][1]
        merges.append(best)
        changed = set()
        for i in homes.pop(best):
            old, new = words[i], merge_pair(words[i], best)
            if len(new) == len(old):
                continue  # An earlier merge took the pair from this word.
            for pair in itertools.pairwise(old):
                pair_counts[pair] -= counts[i]
            for pair in itertools.pairwise(new):
                pair_counts[pair] += counts[i]
                homes[pair].add(i)
            changed.update(itertools.pairwise(old), itertools.pairwise(new))
            words[i] = new
        for pair in changed:
            if pair_counts[pair] > 0:
                heapq.heappush(queue, (-pair_counts[pair], pair))
    return merges
    ### END SOLUTION


# %%
check("lab02.train_bpe")

# %% [markdown]
# ## 2.4 Spelling a word with the merges
#
# To encode a new word, you replay what was learned. Begin with single symbols. Of all neighbours
# that have a merge, take the one that was learned **first**, merge it, and look again. Stop when no
# neighbours have a merge.
#
# Why first, and not longest, or leftmost? Because training went in that order. A word of the
# training text then ends up in exactly the pieces it had when training stopped.


# %% exercise="lab02.apply_merges" points=3 minutes=15 difficulty=2
def apply_merges(symbols, ranks):
    """Merges a word's symbols as training would have (Sennrich et al. 2016, section 3.2).

    Args:
        symbols: list of str, the word in its smallest symbols.
        ranks: dict {(left, right): int}, for each merge its place in the order of learning.

    Returns:
        List of str: no two neighbours of it have a merge.

    Example:
        >>> apply_merges(["l", "o", "w", "e", "r"], {("l", "o"): 0, ("lo", "w"): 1})
        ["low", "e", "r"]
    """
    ### BEGIN SOLUTION
    symbols = list(symbols)
    while known := [pair for pair in itertools.pairwise(symbols) if pair in ranks]:
        symbols = merge_pair(symbols, min(known, key=ranks.get))
    return symbols
    ### END SOLUTION


# %%
check("lab02.apply_merges")

# %% [markdown]
# ### What it buys you: `lowest`
#
# A classic little text holds four words: low (5 times), lower (2), newest (6), widest (3). A
# vocabulary of words learns these four. Then `lowest` comes along, and it has no number.
#
# Here `</w>` marks the end of a word, as in GPT-1. With it, `est` inside a word and `est` at its
# end are two symbols.

# %%
little = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
marked = {(*word, "</w>"): count for word, count in little.items()}
little_merges = train_bpe(marked, num_merges=10)
little_ranks = {pair: rank for rank, pair in enumerate(little_merges)}
for rank, (left, right) in enumerate(little_merges):
    print(f"merge {rank}: {left} + {right}")

# %%
print("Is lowest one of the words?", "lowest" in little)
for word in ["lowest", "lower", "wider", "slow", "lazy"]:
    pieces = apply_merges([*word, "</w>"], little_ranks)
    letters = {symbol for key in marked for symbol in key}
    unknown = sorted(set(word) - letters)
    print(f"{word:8s} -> {' '.join(pieces):28s} letters never seen: {unknown or 'none'}")

# %% [markdown]
# `lowest` was never seen, and still it is spelled out of pieces that mean something: a stem and an
# ending. No unknown token is needed.
#
# Now look at `lazy`. There the trick ends: a letter never seen has no number. Korean has 11,172
# syllables, Unicode more than a hundred thousand characters. You cannot list them all. Or can you?

# %% [markdown]
# ## 2.5 All text is bytes
#
# Every text can be written as UTF-8 bytes, and there are only 256 of those. GPT-2 starts from the
# bytes. With 256 first symbols, nothing can ever be unknown (GPT-2, section 2.2).
#
# There is one practical snag. Merges are kept in text files, and many bytes are no visible
# characters: a space or a line end would tear the file apart. So each byte gets a visible stand-in:
#
# * Bytes that are visible characters stand for themselves: `!` to `~`, `¡` to `¬`, `®` to `ÿ`
#   (33 to 126, 161 to 172, 174 to 255; 173 is a hyphen that nobody sees).
# * The other 68, in rising order, get the characters 256, 257, 258, and so on.
#
# That is why GPT-2's files are full of `Ġ`: it is the stand-in of the space.
#
# The table never changes, so `functools.cache` computes it once.


# %% exercise="lab02.bytes_to_unicode" points=2 minutes=10 difficulty=2
@functools.cache
def bytes_to_unicode():
    """Gives each byte a visible character (the released GPT-2's table; GPT-2, section 2.2).

    Returns:
        Dict {byte: character} with 256 entries, int to str of length 1. The order is the one of
        GPT-2's ids: first the bytes that stand for themselves, then the others, each rising.

    Example:
        >>> bytes_to_unicode()[ord("A")], bytes_to_unicode()[ord(" ")]
        ("A", "Ġ")
    """
    ### BEGIN SOLUTION
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    stand_ins = {byte: chr(256 + n) for n, byte in enumerate(hidden)}
    return {byte: chr(byte) for byte in visible} | stand_ins
    ### END SOLUTION


# %%
check("lab02.bytes_to_unicode")

# %% [markdown]
# ## 2.6 Where merges must not go
#
# If merges could cross word borders, the vocabulary would fill with `dog.`, `dog!` and `dog?`, each
# a token of its own. GPT-2 prevents that: text is first cut into pre-tokens, and merges stay inside
# them (GPT-2, section 2.2). A space belongs to the word that follows it.
#
# The rule is a regular expression with these alternatives, tried in this order at each place:
#
# 1. an English ending: `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d` (small letters and the straight
#    apostrophe only, and no space before it)
# 2. letters of any script, `\p{L}`, with one space before them if there is one
# 3. digits of any script, `\p{N}`, ½ and ² among them, with one space before them if there is one
# 4. other marks, neither white space nor letter nor digit, with one space before them if there is
#    one; an accent that stands as a character of its own is such a mark
# 5. white space up to the end of the text, or up to its last character before a word:
#    `\s+(?!\S)`. The last space is left over for the word.
# 6. any other white space
#
# Use the `regex` package. Python's own `re` does not know `\p{L}`.


# %% exercise="lab02.pre_tokenize" points=3 minutes=15 difficulty=2
def pre_tokenize(text):
    """Cuts text where merges must not go, as the released GPT-2 does (GPT-2, section 2.2).

    Args:
        text: str.

    Returns:
        List of str, the pre-tokens; joined, they give the text again.

    Example:
        >>> pre_tokenize("It's 10  dogs!")
        ["It", "'s", " 10", " ", " dogs", "!"]
    """
    ### BEGIN SOLUTION
    endings = r"'s|'t|'re|'ve|'m|'ll|'d"
    runs = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"
    return regex.findall(rf"{endings}|{runs}|\s+(?!\S)|\s+", text)
    ### END SOLUTION


# %%
check("lab02.pre_tokenize")

# %% [markdown]
# ## 2.7 From text to numbers
#
# Everything is there; now put it in a row. Cut the text into pre-tokens. Write each as UTF-8 bytes,
# and each byte as its stand-in. Merge. Look up the number of each symbol.


# %% exercise="lab02.bpe_encode" points=3 minutes=15 difficulty=2
def bpe_encode(text, vocabulary, ranks):
    """Turns text into token ids, byte level (GPT-2, section 2.2).

    Args:
        text: str.
        vocabulary: dict {token: id}, str to int; tokens are written in the stand-ins of
            `bytes_to_unicode`.
        ranks: dict {(left, right): int}, as in `apply_merges`.

    Returns:
        List of int, the ids.

    Example:
        >>> bpe_encode("a a", {"a": 0, "Ġ": 1, "Ġa": 2}, {("Ġ", "a"): 0})
        [0, 2]
    """
    ### BEGIN SOLUTION
    stand_in, ids = bytes_to_unicode(), []
    for piece in pre_tokenize(text):
        symbols = [stand_in[byte] for byte in piece.encode("utf-8")]
        ids += [vocabulary[token] for token in apply_merges(symbols, ranks)]
    return ids
    ### END SOLUTION


# %%
check("lab02.bpe_encode")

# %% [markdown]
# ## 2.8 And back
#
# Decoding is the same way backwards: ids to tokens, characters to bytes, bytes to text.
#
# Mind the order. One Korean syllable is three bytes, and a token may end in the middle of it. So
# join **all** bytes first and decode them once. A model that writes freely can also stop in the
# middle of a character, or write bytes that are no UTF-8 at all. Then show `�`
# (`errors="replace"`) instead of failing.


# %% exercise="lab02.bpe_decode" points=3 minutes=10 difficulty=2
def bpe_decode(ids, tokens):
    """Turns token ids back into text, byte level (GPT-2, section 2.2).

    Args:
        ids: list of int.
        tokens: dict {id: token}, int to str: the vocabulary turned round.

    Returns:
        Str; bytes that are no UTF-8 become U+FFFD, "�".

    Raises:
        ValueError: an id that `tokens` does not have; the message names it.

    Example:
        >>> bpe_decode([0, 2], {0: "a", 1: "Ġ", 2: "Ġa"})
        "a a"
    """
    ### BEGIN SOLUTION
    unknown = next((i for i in ids if i not in tokens), None)
    if unknown is not None:
        raise ValueError(f"There is no token {unknown}: the vocabulary has {len(tokens):,} tokens.")
    byte_of = {character: byte for byte, character in bytes_to_unicode().items()}
    text = "".join(tokens[i] for i in ids)
    return bytes(byte_of[character] for character in text).decode("utf-8", errors="replace")
    ### END SOLUTION


# %%
check("lab02.bpe_decode")

# %% [markdown]
# ## 2.9 On real text: what the merges make
#
# Now you train on real English: the documentation of the packages that this course uses. First the
# table of distinct pre-tokens, then the merges.
#
# Did you keep the short version of `train_bpe`? It is right, but it recounts 8,000 times, and you
# would wait long. Ask for 500 merges then. The later labs take long with it too, unless they start
# with `start(lab=..., parts="solutions")`.

# %%
# short() is True only where GPT_TF_SHORT=1 asks for a quick run on little text.
documents = corpora.docstrings("train")[: 300 if short() else None]
held_out = corpora.docstrings("validation")[: 30 if short() else 300]
stand_in = bytes_to_unicode()
word_counts = collections.Counter()
for text in tqdm(documents, desc="words", unit="document"):
    word_counts.update(pre_tokenize(text))
in_bytes = {"".join(stand_in[b] for b in w.encode()): n for w, n in word_counts.items()}
total = sum(word_counts.values())
print(
    f"{sum(map(len, documents)):,} characters, {total:,} pre-tokens, {len(word_counts):,} distinct"
)

# %%
merges = train_bpe(in_bytes, num_merges=200 if short() else 8000)
print("the first:", " ".join(a + b for a, b in merges[:24]))
print("the last: ", " ".join(a + b for a, b in merges[-12:]))
longest = sorted({a + b for a, b in merges}, key=lambda token: (len(token), token))[-8:]
print("the longest:", " ".join(longest))

# %% [markdown]
# Read them. The first merges are letters that meet in any English text. The last are mostly whole
# words of this particular text. Nobody told the algorithm what a word or an ending is.
#
# And this is why it pays to visit only the words that a merge changes. A word can change only if it
# holds the new token:

# %%
for n in [1, 10, 100, len(merges)]:
    token = "".join(merges[n - 1])
    share = sum(token in word for word in in_bytes) / len(in_bytes)
    print(f"merge {n:5,} makes {token!r}: it can change {share:.3%} of the distinct words")

# %% [markdown]
# ### How large should a vocabulary be?
#
# Merges come in an order, so one training gives every smaller vocabulary too: cut the list.
# `Tokenizer`, which all later labs use, takes the list and calls your functions. You measure it on
# documents that training never saw.

# %%
sizes = [n for n in [0, 64, 128, 256, 512, 1024, 2048, 4096, 8000] if n <= len(merges)]
num_words = sum(len(text.split()) for text in held_out)
floor = sum(len(pre_tokenize(text)) for text in held_out) / num_words
tokens_a_word = []
for n in tqdm(sizes, desc="vocabularies"):
    encoded = Tokenizer.from_merges(merges[:n]).encode_documents(held_out)
    tokens_a_word.append(sum(map(len, encoded)) / num_words)

fig, ax = plt.subplots(figsize=(6, 3.5))
ax.plot([256 + n for n in sizes], tokens_a_word, marker="o", label="tokens")
ax.axhline(floor, linestyle="--", color="gray", label="pre-tokens: no fewer are possible")
ax.set_xscale("log", base=2)
ax.set_xlabel("vocabulary size (tokens, log scale)")
ax.set_ylabel("tokens a word, held-out text")
ax.set_ylim(bottom=0)
ax.grid(alpha=0.3)
ax.legend()
ax.set_title("A larger vocabulary makes shorter sequences")
plt.show()
for n, y in zip(sizes, tokens_a_word, strict=True):
    print(f"vocabulary {256 + n:5,}: {y:.2f} tokens a word")
print(f"pre-tokens:       {floor:.2f} a word")

# %% [markdown]
# Look at the slope. From the second point on, each point has about twice the merges of the one
# before. Does the gain stay the same, or does it shrink? Each further token costs a row of the
# embedding table, which you build in the next lab, and rare tokens are seen too seldom to be
# learned well. That is the trade.
#
# The dashed line is where it must end. Merges stay inside pre-tokens, so there is at least one
# token for each. It lies above 1, because a comma is no word here but has a token of its own.

# %% [markdown]
# ### Whose language is it?
#
# Nothing is unknown to a byte-level vocabulary. That does not mean that all languages cost the
# same. Here are a few sentences in English and in Korean, with about the same meaning, and some
# Korean about something else.

# %%
english = [
    "This morning it rained, so I took the bus to school.",
    "The library was quiet, and we read books by the window.",
    "In the evening my friend and I cooked dinner together.",
    "Tomorrow the weather will be fine, so we will walk by the river.",
]
korean = [
    "오늘 아침에는 비가 와서 버스를 타고 학교에 갔습니다.",
    "도서관은 조용했고 우리는 창가에서 책을 읽었습니다.",
    "저녁에는 친구와 함께 저녁밥을 만들어 먹었습니다.",
    "내일은 날씨가 좋아서 우리는 강가를 걸을 것입니다.",
]
korean_new = [
    "컴퓨터는 숫자만 읽을 수 있으므로 글을 조각으로 나눕니다.",
    "자주 나오는 조각은 하나의 번호를 받습니다.",
]
code = ["def area(width, height):\n    return width * height\n\nprint(area(3, 4))\n"]
emoji = ["🙂🙂 🚀 → ☕ 🌧️ 👩‍🔬"]
samples = {"English": english, "Korean": korean, "Korean,\nnew words": korean_new}
samples |= {"code": code, "emoji": emoji}

# Korean to learn from: other sentences than the first sample's, but mostly the same words.
korean_training = [
    "어제 아침에는 눈이 와서 학교에 늦게 갔습니다.",
    "우리는 학교에서 책을 읽고 이야기를 썼습니다.",
    "친구는 버스를 타고 도서관에 갔습니다.",
    "비가 와서 우리는 창가에서 차를 마셨습니다.",
    "저녁에는 날씨가 좋아서 강가를 걸었습니다.",
    "내일은 친구와 함께 도서관에서 책을 읽을 것입니다.",
    "오늘 저녁에는 어머니와 함께 밥을 만들었습니다.",
    "도서관은 강가에 있고 학교는 산 아래에 있습니다.",
]

# %%
english_only = Tokenizer.from_merges(merges)
korean_only = Tokenizer.train(korean_training, vocabulary_size=256 + 300)
kinds = {
    "trained on English documentation": english_only,
    "trained on 8 Korean sentences": korean_only,
}


def bytes_a_token(tokenizer, texts):
    """Returns how many bytes of text one token carries, on average."""
    num_bytes = sum(len(text.encode()) for text in texts)
    return num_bytes / sum(len(tokenizer.encode(text)) for text in texts)


fig, ax = plt.subplots(figsize=(7, 3.5))
for k, (kind, tokenizer) in enumerate(kinds.items()):
    values = [bytes_a_token(tokenizer, texts) for texts in samples.values()]
    places = [i + 0.38 * k for i in range(len(samples))]
    bars = ax.bar(places, values, width=0.36, label=kind)
    ax.bar_label(bars, fmt="%.1f", padding=2)
ax.set_xticks([i + 0.19 for i in range(len(samples))], samples)
ax.set_ylabel("bytes of text a token (higher is cheaper)")
ax.margins(y=0.15)
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
ax.set_title("A vocabulary speaks the language it was trained on")
plt.show()

# %% [markdown]
# One Korean syllable is three bytes. Look at the first bar of both Korean samples: is a token more
# than a byte there? If it is close to 1, a syllable costs about three tokens, and the model's
# context holds far less Korean than English.
#
# Now the second bars. Eight sentences move the first Korean sample a lot, because it uses their
# words. The sample with new words is the honest one: how much is left of the gain there? A
# vocabulary that serves Korean needs a large Korean text.

# %%
sentence = korean[0]
for kind, tokenizer in kinds.items():
    ids = tokenizer.encode(sentence)
    pieces = [tokenizer.decode([i]) for i in ids]
    print(f"{kind}: {len(ids)} tokens for {len(sentence)} characters")
    print("  ", "|".join(pieces))
    print("   and back again:", tokenizer.decode(ids) == sentence)

# %% [markdown]
# A `�` is a token that is only a part of a character. Alone it cannot be shown; together with its
# neighbours it comes back exactly.

# %% [markdown]
# ## 2.10 The published vocabularies
#
# The merges that GPT-1 and GPT-2 were trained with are public. With your code, do they give the
# very numbers that the models expect? The `tokenizers` library, written by others in another
# language, is the judge.
#
# The files come with the course's catalog, 3 MB in all. Put `GPT_TF_DATA` in the environment to
# name the folder that holds them, or set `download = True` to fetch them.

# %%
download = False
page = "\n\n".join(
    ["It's   what they'd say:  'We've 3 cats'!", *english, *korean, *code, *emoji, "naïve café\t½"]
)
published = {}
if os.environ.get("GPT_TF_DATA") or download:
    for kind, name, files in [
        ("gpt1", "gpt1_bpe", ["encoder_bpe_40000.json", "vocab_40000.bpe"]),
        ("gpt2", "gpt2_bpe", ["encoder.json", "vocab.bpe"]),
    ]:
        published[kind] = Tokenizer.from_files(*(catalog.path(name, f) for f in files), kind=kind)
else:
    print("The published files are not at hand: set GPT_TF_DATA, or download = True.")
for kind, tokenizer in published.items():
    print(f"{kind}: {tokenizer.vocabulary_size:,} tokens, {len(tokenizer.merges):,} merges")


# %%
def oracle(tokenizer):
    """Returns the `tokenizers` library's encoder with the same vocabulary and merges."""
    gpt1 = tokenizer.kind == "gpt1"
    ending = {"end_of_word_suffix": "</w>", "unk_token": "<unk>"} if gpt1 else {}
    model = tokenizers.models.BPE(tokenizer.vocabulary, list(tokenizer.merges), **ending)
    judge = tokenizers.Tokenizer(model)
    if gpt1:
        judge.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
        judge.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    else:
        judge.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return lambda text: judge.encode(text).ids


for kind, tokenizer in ({"your own": english_only} | published).items():
    mine, theirs = tokenizer.encode(page), oracle(tokenizer)(page)
    print(f"{kind:8s} {len(mine):4d} tokens, the same as the library's: {mine == theirs}")

# %%
for kind, tokenizer in published.items():
    for text in ["lowest", " lowest", "It's raining", "비가 와서"]:
        pieces = [tokenizer.decode([i]) for i in tokenizer.encode(text)]
        print(f"{kind} {text!r:16s} -> {' | '.join(pieces)}")
    for kind_of_text, texts in samples.items():
        label = kind_of_text.replace("\n", " ")
        print(f"{kind} {label:18s} {bytes_a_token(tokenizer, texts):.1f} bytes a token")

# %% [markdown]
# If you have the files, compare the two. GPT-1 writes everything in small letters, marks the end of
# a word, and has an unknown token for what it never saw, such as Korean. GPT-2 keeps the letters
# and the spaces, and nothing is unknown. An `<unk>` counts as a token above, but its text is lost,
# so GPT-1's figures for Korean and emoji flatter it.
#
# One honest word about GPT-1: its authors first cleaned the text with other programs, which cut
# some words in other places. Here the cleaning is the one that today's libraries use in its stead.
#
# ## Questions
#
# 1. `low` and ` low` are two tokens with two numbers. What does the model know about them having
#    the same letters? Who has to find out?
# 2. Numbers are cut by the same merges: 1999 may be one token and 2003 two. Why could that make
#    adding up hard for a model? (Lab 12 tries it.)
# 3. Two vocabularies give two perplexities for the same model and text. Why can you not compare
#    them, and why would bits a byte be fair?
#
# ## What you know now
#
# * BPE learns merges by counting, and encodes by replaying them in their order.
# * Frequent words become one token, rare ones several, and with bytes nothing is unknown.
# * A larger vocabulary makes shorter sequences and a larger embedding table.
# * A vocabulary is cheap for the language it was trained on, and dear for others.
#
# In lab 03 each of these numbers becomes a vector.
