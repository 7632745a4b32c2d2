"""Known-right answers to lab 15, written differently."""

import collections

import numpy as np
from scipy import stats

from gpt_tf.evaluation import normalise_answer


@right("lab15.answer_scores", because="precision and recall one by one, words ticked off a list")
def answer_scores(predicted, answers):
    if len(answers) == 0:
        raise ValueError("There is no answer.")

    def f1(mine, right):
        if not mine or not right:
            return float(mine == right)
        left, shared = right[:], 0
        for word in mine:
            if word in left:
                left.remove(word)
                shared += 1
        if shared == 0:
            return 0.0
        precision, recall = shared / len(mine), shared / len(right)
        return 2 * precision * recall / (precision + recall)

    mine = normalise_answer(predicted).split()
    rights = [normalise_answer(right).split() for right in answers]
    return float(mine in rights), max(f1(mine, right) for right in rights)


@right("lab15.answer_scores", because="NumPy's maximum over rows of two scores")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("There is no answer.")
    mine = normalise_answer(predicted)
    a = collections.Counter(mine.split())
    rows = []
    for right in answers:
        b = collections.Counter(normalise_answer(right).split())
        size = sum(a.values()) + sum(b.values())
        f1 = 2 * sum(min(a[word], b[word]) for word in a) / size if size else 1
        rows.append((mine == normalise_answer(right), f1))
    exact, best = np.max(np.array(rows, float), axis=0)
    return float(exact), float(best)


@right("lab15.bleu", because="order by order, with a union of the references' counts")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references):
        raise ValueError("The numbers differ.")
    if any(len(rights) == 0 for rights in references):
        raise ValueError("A reference is missing.")

    def grams(text, n):
        return collections.Counter(zip(*(text[i:] for i in range(n)), strict=False))

    score = 1.0
    for n in range(1, max_order + 1):
        matches = total = 0
        for mine, rights in zip(translations, references, strict=True):
            available = collections.Counter()
            for right in rights:
                available |= grams(right, n)
            matches += (grams(mine, n) & available).total()
            total += max(0, len(mine) - n + 1)
        if matches == 0:
            return 0.0
        score *= (matches / total) ** (1 / max_order)
    ours = sum(map(len, translations))
    theirs = 0
    for mine, rights in zip(translations, references, strict=True):
        lengths = sorted(map(len, rights))
        theirs += min(lengths, key=lambda size: abs(size - len(mine)))
    return score * (1.0 if ours >= theirs else float(np.exp(1 - theirs / ours)))


@right("lab15.bleu", because="arrays of counts, SciPy's geometric mean")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("A reference is missing.")
    orders = range(1, max_order + 1)
    table = np.zeros((2, max_order))
    sizes = np.zeros(2)
    for mine, rights in zip(translations, references, strict=True):
        gaps = [abs(len(right) - len(mine)) for right in rights]
        close = [len(r) for r, gap in zip(rights, gaps, strict=True) if gap == min(gaps)]
        sizes += [len(mine), min(close)]
        for n in orders:
            own = [tuple(mine[i : i + n]) for i in range(len(mine) - n + 1)]
            theirs = [[tuple(r[i : i + n]) for i in range(len(r) - n + 1)] for r in rights]
            for gram in set(own):
                most = max(there.count(gram) for there in theirs)
                table[0, n - 1] += min(own.count(gram), most)
            table[1, n - 1] += len(own)
    if (table[0] == 0).any():
        return 0.0
    penalty = min(1.0, np.exp(1 - sizes[1] / sizes[0]))
    return float(stats.gmean(table[0] / table[1]) * penalty)


@right("lab15.ngram_overlap", because="all runs of the training text in a set")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("A run has at least one word.")
    seen = set()
    for text in training:
        seen.update(zip(*(text[i:] for i in range(n)), strict=False))
    shares = []
    for text in tests:
        runs = list(zip(*(text[i:] for i in range(n)), strict=False))
        shares.append(float(np.mean([run in seen for run in runs])) if runs else 0.0)
    return shares


@right("lab15.ngram_overlap", because="runs as strings, counted for each test")
def ngram_overlap(training, tests, n=13):
    if n <= 0:
        raise ValueError("A run has at least one word.")

    def runs(text):
        return collections.Counter("\n".join(text[i : i + n]) for i in range(len(text) - n + 1))

    seen = collections.Counter()
    for text in training:
        seen += runs(text)
    found = [(runs(text), max(1, len(text) - n + 1)) for text in tests]
    return [sum(k for run, k in counts.items() if run in seen) / size for counts, size in found]


@right("lab15.participant_accuracies", because="an array with a mask")
def participant_accuracies(counts):
    right, wrong, _ = np.array(counts, "float64").T
    decided = right + wrong > 0
    return right[decided] / (right + wrong)[decided]


@right("lab15.participant_accuracies", because="a loop that goes on to the next")
def participant_accuracies(counts):
    found = []
    for row in counts:
        if row[0] == 0 and row[1] == 0:
            continue
        found.append(1 - row[1] / (row[0] + row[1]))
    return found


@right("lab15.mean_interval", because="SciPy's interval and standard error")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("Too few values.")
    mean, n = np.mean(values), len(values)
    low, high = stats.t.interval(confidence, n - 1, loc=mean, scale=stats.sem(values))
    return float(mean), float(low), float(high)


@right("lab15.mean_interval", because="sums by hand, the quantile from the upper tail")
def mean_interval(values, confidence=0.95):
    n = len(values)
    if n <= 1:
        raise ValueError("Too few values.")
    mean = sum(values) / n
    error = (sum((value - mean) ** 2 for value in values) / (n - 1) / n) ** 0.5
    margin = stats.t.isf((1 - confidence) / 2, n - 1) * error
    return [mean, mean - margin, mean + margin]


@right("lab15.two_sample_t_test", because="SciPy has it")
def two_sample_t_test(first, second):
    if min(len(first), len(second)) < 2 or np.ptp(first) + np.ptp(second) == 0:
        raise ValueError("Too few values, or no spread.")
    found = stats.ttest_ind(first, second, equal_var=True)
    return float(found.statistic), float(found.pvalue)


@right("lab15.two_sample_t_test", because="variances weighted by degrees of freedom, lower tail")
def two_sample_t_test(first, second):
    n, m = len(first), len(second)
    if n < 2 or m < 2:
        raise ValueError("Too few values.")
    a, b = np.var(first, ddof=1), np.var(second, ddof=1)
    pooled = ((n - 1) * a + (m - 1) * b) / (n + m - 2)
    if pooled == 0:
        raise ValueError("No spread.")
    t = (np.mean(first) - np.mean(second)) / np.sqrt(pooled / n + pooled / m)
    return t, 2 * stats.t.cdf(-abs(t), n + m - 2)
