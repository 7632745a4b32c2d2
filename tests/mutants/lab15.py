"""Known-wrong answers to lab 15, and the misconception that each must draw."""

import math
from collections import Counter

import numpy as np
from scipy import stats

from gpt_tf.evaluation import normalise_answer


@wrong("lab15.answer_scores", draws="answer.precision-only")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    rights = [normalise_answer(right) for right in answers]
    f1 = 0.0
    for right in rights:
        shared = Counter(mine.split()) & Counter(right.split())
        f1 = max(f1, sum(shared.values()) / max(1, len(mine.split())), float(mine == right))
    return float(mine in rights), f1


@wrong("lab15.answer_scores", draws="answer.recall-only")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    rights = [normalise_answer(right) for right in answers]
    f1 = 0.0
    for right in rights:
        shared = Counter(mine.split()) & Counter(right.split())
        f1 = max(f1, sum(shared.values()) / max(1, len(right.split())), float(mine == right))
    return float(mine in rights), f1


@wrong("lab15.answer_scores", draws="answer.words-as-set")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    rights = [normalise_answer(right) for right in answers]
    f1 = 0.0
    for right in rights:
        a, b = set(mine.split()), right.split()
        f1 = max(f1, 2 * len(a & set(b)) / max(1, len(a) + len(b)), float(mine == right))
    return float(mine in rights), f1


@wrong("lab15.answer_scores", draws="answer.repeats-count")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    rights = [normalise_answer(right) for right in answers]
    f1 = 0.0
    for right in rights:
        a, b = mine.split(), right.split()
        shared = sum(word in b for word in a)
        f1 = max(f1, 2 * shared / max(1, len(a) + len(b)), float(mine == right))
    return float(mine in rights), f1


@wrong("lab15.answer_scores", draws="answer.not-normalised")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    f1 = 0.0
    for right in answers:
        a, b = predicted.split(), right.split()
        shared = sum((Counter(a) & Counter(b)).values())
        f1 = max(f1, 2 * shared / max(1, len(a) + len(b)))
    return float(mine in [normalise_answer(right) for right in answers]), f1


@wrong("lab15.answer_scores", draws="answer.arithmetic-mean")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    rights = [normalise_answer(right) for right in answers]
    f1 = 0.0
    for right in rights:
        a, b = mine.split(), right.split()
        shared = sum((Counter(a) & Counter(b)).values())
        mean = (shared / max(1, len(a)) + shared / max(1, len(b))) / 2
        f1 = max(f1, mean, float(mine == right))
    return float(mine in rights), f1


@wrong("lab15.answer_scores", draws="answer.first-only")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    right = normalise_answer(answers[0])
    a, b = mine.split(), right.split()
    shared = sum((Counter(a) & Counter(b)).values())
    return float(mine == right), max(2 * shared / max(1, len(a) + len(b)), float(mine == right))


@wrong("lab15.answer_scores", draws="answer.exact-not-normalised")
def answer_scores(predicted, answers):
    if not answers:
        raise ValueError("no answers")
    mine = normalise_answer(predicted)
    f1 = 0.0
    for right in map(normalise_answer, answers):
        a, b = mine.split(), right.split()
        shared = sum((Counter(a) & Counter(b)).values())
        f1 = max(f1, 2 * shared / max(1, len(a) + len(b)), float(mine == right))
    return float(predicted in answers), f1


@wrong("lab15.bleu", draws="bleu.not-clipped")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text, n):
        return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]

    c = sum(map(len, translations))
    r = sum(
        min(map(len, rights), key=lambda x: (abs(x - len(mine)), x))
        for mine, rights in zip(translations, references, strict=False)
    )
    logs = 0.0
    for n in range(1, max_order + 1):
        matches = total = 0
        for mine, rights in zip(translations, references, strict=False):
            there = {gram for right in rights for gram in grams(right, n)}
            matches += sum(gram in there for gram in grams(mine, n))
            total += len(grams(mine, n))
        if not matches:
            return 0.0
        logs += math.log(matches / total)
    return math.exp(logs / max_order + min(0, 1 - r / c))


@wrong("lab15.bleu", draws="bleu.mean-of-sentences")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text, n):
        return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))

    scores = []
    for mine, rights in zip(translations, references, strict=False):
        r = min(map(len, rights), key=lambda x: (abs(x - len(mine)), x))
        precisions = []
        for n in range(1, max_order + 1):
            there = Counter()
            for right in rights:
                there |= grams(right, n)
            total = max(1, sum(grams(mine, n).values()))
            precisions.append(sum((grams(mine, n) & there).values()) / total)
        if 0 in precisions:
            scores.append(0.0)
        else:
            scores.append(
                np.prod(precisions) ** (1 / max_order) * math.exp(min(0, 1 - r / len(mine)))
            )
    return float(np.mean(scores))


@wrong("lab15.bleu", draws="bleu.no-brevity-penalty")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text, n):
        return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))

    precisions = []
    for n in range(1, max_order + 1):
        matches = total = 0
        for mine, rights in zip(translations, references, strict=False):
            there = Counter()
            for right in rights:
                there |= grams(right, n)
            matches += sum((grams(mine, n) & there).values())
            total += sum(grams(mine, n).values())
        precisions.append(matches / max(1, total))
    return float(np.prod(precisions) ** (1 / max_order))


@wrong("lab15.bleu", draws="bleu.arithmetic-mean")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text, n):
        return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))

    c = r = 0
    matches, totals = np.zeros(max_order), np.zeros(max_order)
    for mine, rights in zip(translations, references, strict=False):
        c += len(mine)
        r += min(map(len, rights), key=lambda x: (abs(x - len(mine)), x))
        for n in range(max_order):
            there = Counter()
            for right in rights:
                there |= grams(right, n + 1)
            matches[n] += sum((grams(mine, n + 1) & there).values())
            totals[n] += max(0, len(mine) - n)
    if not matches.all():
        return 0.0
    return float(np.mean(matches / totals) * math.exp(min(0, 1 - r / c)))


@wrong("lab15.bleu", draws="bleu.four-grams-only")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text):
        return Counter(tuple(text[i : i + max_order]) for i in range(len(text) - max_order + 1))

    c = r = matches = total = 0
    for mine, rights in zip(translations, references, strict=False):
        c += len(mine)
        r += min(map(len, rights), key=lambda x: (abs(x - len(mine)), x))
        there = Counter()
        for right in rights:
            there |= grams(right)
        matches += sum((grams(mine) & there).values())
        total += sum(grams(mine).values())
    return matches / total * math.exp(min(0, 1 - r / c)) if matches else 0.0


@wrong("lab15.bleu", draws="bleu.long-ones-rewarded")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text, n):
        return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))

    c = sum(map(len, translations))
    r = sum(
        min(map(len, rights), key=lambda x: (abs(x - len(mine)), x))
        for mine, rights in zip(translations, references, strict=False)
    )
    score = 1.0
    for n in range(1, max_order + 1):
        matches = total = 0
        for mine, rights in zip(translations, references, strict=False):
            there = Counter()
            for right in rights:
                there |= grams(right, n)
            matches += sum((grams(mine, n) & there).values())
            total += sum(grams(mine, n).values())
        score *= matches / max(1, total)
    return score ** (1 / max_order) * math.exp(1 - r / max(1, c))


@wrong("lab15.bleu", draws="bleu.first-reference-only")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text, n):
        return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))

    c = sum(map(len, translations))
    r = sum(len(rights[0]) for rights in references)
    score = 1.0
    for n in range(1, max_order + 1):
        matches = total = 0
        for mine, rights in zip(translations, references, strict=False):
            matches += sum((grams(mine, n) & grams(rights[0], n)).values())
            total += sum(grams(mine, n).values())
        score *= matches / max(1, total)
    return score ** (1 / max_order) * math.exp(min(0, 1 - r / max(1, c)))


@wrong("lab15.bleu", draws="bleu.shortest-reference")
def bleu(translations, references, max_order=4):
    if len(translations) != len(references) or not all(references):
        raise ValueError("a reference is missing")

    def grams(text, n):
        return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))

    c = sum(map(len, translations))
    r = sum(min(map(len, rights)) for rights in references)
    score = 1.0
    for n in range(1, max_order + 1):
        matches = total = 0
        for mine, rights in zip(translations, references, strict=False):
            there = Counter()
            for right in rights:
                there |= grams(right, n)
            matches += sum((grams(mine, n) & there).values())
            total += sum(grams(mine, n).values())
        score *= matches / max(1, total)
    return score ** (1 / max_order) * math.exp(min(0, 1 - r / max(1, c)))


@wrong("lab15.ngram_overlap", draws="overlap.across-texts")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("n < 1")
    stream = [word for text in training for word in text]
    seen = {tuple(stream[i : i + n]) for i in range(len(stream) - n + 1)}
    shares = []
    for text in tests:
        found = [tuple(text[i : i + n]) in seen for i in range(len(text) - n + 1)]
        shares.append(sum(found) / max(1, len(found)))
    return shares


@wrong("lab15.ngram_overlap", draws="overlap.each-run-once")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("n < 1")

    def grams(text):
        return {tuple(text[i : i + n]) for i in range(len(text) - n + 1)}

    seen = set().union(*map(grams, training))
    return [len(grams(text) & seen) / max(1, len(grams(text))) for text in tests]


@wrong("lab15.ngram_overlap", draws="overlap.yes-or-no")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("n < 1")

    def grams(text):
        return {tuple(text[i : i + n]) for i in range(len(text) - n + 1)}

    seen = set().union(*map(grams, training))
    return [float(bool(grams(text) & seen)) for text in tests]


@wrong("lab15.ngram_overlap", draws="overlap.words-not-runs")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("n < 1")
    seen = {word for text in training for word in text}
    return [sum(word in seen for word in text) / max(1, len(text)) for text in tests]


@wrong("lab15.ngram_overlap", draws="overlap.new-runs")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("n < 1")
    seen = {tuple(text[i : i + n]) for text in training for i in range(len(text) - n + 1)}
    shares = []
    for text in tests:
        found = [tuple(text[i : i + n]) not in seen for i in range(len(text) - n + 1)]
        shares.append(sum(found) / len(found) if found else 1.0)
    return shares


@wrong("lab15.ngram_overlap", draws="overlap.last-run-missing")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("n < 1")
    seen = {tuple(text[i : i + n]) for text in training for i in range(len(text) - n + 1)}
    shares = []
    for text in tests:
        found = [tuple(text[i : i + n]) in seen for i in range(len(text) - n)]
        shares.append(sum(found) / max(1, len(found)))
    return shares


@wrong("lab15.ngram_overlap", draws="overlap.order-ignored")
def ngram_overlap(training, tests, n=13):
    if n < 1:
        raise ValueError("n < 1")

    def grams(text):
        return [frozenset(text[i : i + n]) for i in range(len(text) - n + 1)]

    seen = {gram for text in training for gram in grams(text)}
    return [sum(g in seen for g in grams(text)) / max(1, len(grams(text))) for text in tests]


@wrong("lab15.participant_accuracies", draws="accuracy.unknown-is-wrong")
def participant_accuracies(counts):
    return [row[0] / sum(row) for row in counts]


@wrong("lab15.participant_accuracies", draws="accuracy.unknown-is-half")
def participant_accuracies(counts):
    return [(right + unknown / 2) / (right + wrong + unknown) for right, wrong, unknown in counts]


@wrong("lab15.participant_accuracies", draws="accuracy.all-together")
def participant_accuracies(counts):
    right, wrong, _ = np.sum(counts, axis=0)
    return right / (right + wrong)


@wrong("lab15.participant_accuracies", draws="accuracy.mean")
def participant_accuracies(counts):
    return np.mean([right / (right + wrong) for right, wrong, _ in counts if right + wrong])


@wrong("lab15.participant_accuracies", draws="accuracy.undecided-is-zero")
def participant_accuracies(counts):
    return [right / max(1, right + wrong) for right, wrong, _ in counts]


@wrong("lab15.participant_accuracies", draws="accuracy.undecided-is-nan")
def participant_accuracies(counts):
    counts = np.array(counts)
    with np.errstate(invalid="ignore"):
        return (counts[:, 0] / (counts[:, 0] + counts[:, 1])).tolist()


@wrong("lab15.participant_accuracies", draws="accuracy.share-wrong")
def participant_accuracies(counts):
    return [right / (right + wrong) for wrong, right, _ in counts if right + wrong]


@wrong("lab15.mean_interval", draws="interval.normal-quantile")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("too few values")
    mean, error = np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5
    margin = stats.norm.ppf((1 + confidence) / 2) * error
    return mean, mean - margin, mean + margin


@wrong("lab15.mean_interval", draws="interval.divided-by-n")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("too few values")
    mean, error = np.mean(values), np.std(values) / len(values) ** 0.5
    margin = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * error
    return mean, mean - margin, mean + margin


@wrong("lab15.mean_interval", draws="interval.spread-not-error")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("too few values")
    mean = np.mean(values)
    margin = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * np.std(values, ddof=1)
    return mean, mean - margin, mean + margin


@wrong("lab15.mean_interval", draws="interval.one-sided")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("too few values")
    mean, error = np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5
    margin = stats.t.ppf(confidence, len(values) - 1) * error
    return mean, mean - margin, mean + margin


@wrong("lab15.mean_interval", draws="interval.n-degrees-of-freedom")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("too few values")
    mean, error = np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5
    margin = stats.t.ppf((1 + confidence) / 2, len(values)) * error
    return mean, mean - margin, mean + margin


@wrong("lab15.mean_interval", draws="interval.one-error-wide")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("too few values")
    mean, error = np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5
    return mean, mean - error, mean + error


@wrong("lab15.mean_interval", draws="interval.always-95")
def mean_interval(values, confidence=0.95):
    if len(values) < 2:
        raise ValueError("too few values")
    mean, error = np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5
    margin = stats.t.ppf(0.975, len(values) - 1) * error
    return mean, mean - margin, mean + margin


@wrong("lab15.mean_interval", draws="interval.one-value")
def mean_interval(values, confidence=0.95):
    n = np.float64(len(values))
    mean = np.mean(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.sum((np.array(values) - mean) ** 2) / (n - 1) / n)
    margin = stats.t.ppf((1 + confidence) / 2, n - 1) * error
    return mean, mean - margin, mean + margin


@wrong("lab15.two_sample_t_test", draws="t-test.welch")
def two_sample_t_test(first, second):
    if min(len(first), len(second)) < 2 or np.ptp(first) == np.ptp(second) == 0:
        raise ValueError("too few values")
    found = stats.ttest_ind(first, second, equal_var=False)
    return float(found.statistic), float(found.pvalue)


@wrong("lab15.two_sample_t_test", draws="t-test.one-sided")
def two_sample_t_test(first, second):
    n, m = len(first), len(second)
    if min(n, m) < 2 or np.ptp(first) == np.ptp(second) == 0:
        raise ValueError("too few values")
    variance = (n * np.var(first) + m * np.var(second)) / (n + m - 2)
    t = (np.mean(first) - np.mean(second)) / np.sqrt(variance * (1 / n + 1 / m))
    return float(t), float(stats.t.sf(abs(t), n + m - 2))


@wrong("lab15.two_sample_t_test", draws="t-test.reversed")
def two_sample_t_test(first, second):
    n, m = len(first), len(second)
    if min(n, m) < 2 or np.ptp(first) == np.ptp(second) == 0:
        raise ValueError("too few values")
    variance = (n * np.var(first) + m * np.var(second)) / (n + m - 2)
    t = (np.mean(second) - np.mean(first)) / np.sqrt(variance * (1 / n + 1 / m))
    return float(t), float(2 * stats.t.sf(abs(t), n + m - 2))


@wrong("lab15.two_sample_t_test", draws="t-test.mean-of-variances")
def two_sample_t_test(first, second):
    n, m = len(first), len(second)
    if min(n, m) < 2 or np.ptp(first) == np.ptp(second) == 0:
        raise ValueError("too few values")
    variance = (np.var(first, ddof=1) + np.var(second, ddof=1)) / 2
    t = (np.mean(first) - np.mean(second)) / np.sqrt(variance * (1 / n + 1 / m))
    return float(t), float(2 * stats.t.sf(abs(t), n + m - 2))


@wrong("lab15.two_sample_t_test", draws="t-test.all-degrees-of-freedom")
def two_sample_t_test(first, second):
    n, m = len(first), len(second)
    if min(n, m) < 2 or np.ptp(first) == np.ptp(second) == 0:
        raise ValueError("too few values")
    variance = (n * np.var(first) + m * np.var(second)) / (n + m - 2)
    t = (np.mean(first) - np.mean(second)) / np.sqrt(variance * (1 / n + 1 / m))
    return float(t), float(2 * stats.t.sf(abs(t), n + m))


@wrong("lab15.two_sample_t_test", draws="t-test.sign-of-t")
def two_sample_t_test(first, second):
    n, m = len(first), len(second)
    if min(n, m) < 2 or np.ptp(first) == np.ptp(second) == 0:
        raise ValueError("too few values")
    variance = (n * np.var(first) + m * np.var(second)) / (n + m - 2)
    t = (np.mean(first) - np.mean(second)) / np.sqrt(variance * (1 / n + 1 / m))
    return float(t), float(2 * stats.t.sf(t, n + m - 2))


@wrong("lab15.two_sample_t_test", draws="t-test.tail-by-subtraction")
def two_sample_t_test(first, second):
    n, m = len(first), len(second)
    if min(n, m) < 2 or np.ptp(first) == np.ptp(second) == 0:
        raise ValueError("too few values")
    variance = (n * np.var(first) + m * np.var(second)) / (n + m - 2)
    t = (np.mean(first) - np.mean(second)) / np.sqrt(variance * (1 / n + 1 / m))
    return float(t), float(2 * (1 - stats.t.cdf(abs(t), n + m - 2)))


@wrong("lab15.two_sample_t_test", draws="t-test.one-value")
def two_sample_t_test(first, second):
    found = stats.ttest_ind(first, second)
    return float(found.statistic), float(found.pvalue)
