"""Golden numbers of bindings/statistics from scipy, statsmodels and numpy: statistics.json.

Run: python3 test/golden/statistics.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.contingency_tables import mcnemar

rng = np.random.default_rng(20)


def wilson():
    for n in (1, 2, 7, 30, 1000, 123456):
        for hits in sorted({0, 1, n // 3, n // 2, n - 1, n}):
            for confidence in (0.8, 0.95, 0.999):
                yield [hits, n, confidence, *proportion_confint(hits, n, 1 - confidence, "wilson")]


def midp():
    pairs = [(0, 0), (0, 1), (1, 0), (3, 3), (7, 8), (8, 7), (19, 0), (15, 0), (20, 45), (300, 260), (1000, 1000)]
    pairs += [(40, 4000), (5000, 5200), (10**6, 10**6 + 2500), (2 * 10**9, 2 * 10**9 + 10**5)]
    pairs += [tuple(int(x) for x in rng.integers(0, 400, 2)) for _ in range(40)]
    for b, c in pairs:
        n, m = b + c, min(b, c)
        p = 1.0 if b == c else 2 * stats.binom.cdf(m, n, 0.5) - stats.binom.pmf(m, n, 0.5)
        if b != c and n < 10**4:
            exact = mcnemar([[0, b], [c, 0]], exact=True).pvalue
            assert abs(p - (exact - stats.binom.pmf(m, n, 0.5))) < 1e-12
        yield [b, c, p]


def tango():
    """Both ends by root finding on the score statistic, its nuisance parameter by the closed form of Tango (1998)."""
    for b, c, n, confidence in [(0, 0, 50, 0.95), (0, 0, 1000, 0.9), (1, 0, 30, 0.95), (43, 0, 44, 0.95), (0, 7, 100, 0.95),
                                (12, 30, 500, 0.95), (300, 280, 10484, 0.95), (19, 0, 118, 0.99), (5, 5, 20, 0.8)]:
        z = stats.norm.ppf((1 + confidence) / 2)

        def score(d):
            A, B, C = 2 * n, -c - b + (2 * n - c + b) * d, -b * d * (1 - d)
            q = (np.sqrt(B * B - 4 * A * C) - B) / (2 * A)
            return (c - b - n * d) / np.sqrt(n * (2 * q + d * (1 - d)))

        seen = (c - b) / n
        ends = [brentq(lambda d: score(d) - s * z, lo, hi, xtol=1e-14) for s, lo, hi in
                [(1, -1 + 1e-12, seen - 1e-12), (-1, seen + 1e-12, 1 - 1e-12)]]
        yield [b, c, n, confidence, *ends]


def holm():
    for ps in ([0.01, 0.04, 0.03, 0.005], [0.2], [0.5, 0.5, 0.9], list(rng.random(20) ** 3), [1e-8] + [0.03] * 5):
        yield {"ps": ps, "adjusted": multipletests(ps, method="holm")[1].tolist()}


def delong():
    """By the structural components of the definition: every positive against every negative."""
    for seed, p, n, levels in [(1, 30, 40, 5), (2, 5, 200, 50), (3, 2, 2, 3), (4, 100, 100, 1000), (5, 10, 10, 1)]:
        local = np.random.default_rng(seed)
        scores_p = local.integers(0, levels, p) + (local.random(p) < 0.3)
        scores_n = local.integers(0, levels, n)
        kernel = (scores_p[:, None] > scores_n) + 0.5 * (scores_p[:, None] == scores_n)
        variance = kernel.mean(1).var(ddof=1) / p + kernel.mean(0).var(ddof=1) / n
        groups = range(levels + 1)
        yield {
            "positives": [int((scores_p == g).sum()) for g in groups],
            "negatives": [int((scores_n == g).sum()) for g in groups],
            "auroc": kernel.mean(),
            "standardError": float(np.sqrt(variance)),
        }


def means():
    """float32 values as integers times 2^-149, written in decimal; mean and scipy's interval at 95 %."""
    for scale, offset, n in [(1, 0, 50), (1e-3, 0, 400), (1, 1000, 30), (1e-6, 8, 1000)]:
        values = rng.normal(offset, scale, n).astype(np.float32).astype(np.float64)
        unit = 1 << 149
        exact = [int(a) * (unit // int(b)) for a, b in (float(v).as_integer_ratio() for v in values)]
        squares = sum(x * x for x in exact)
        low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
        yield {"n": n, "sum": str(sum(exact)), "squares": str(squares >> 149), "interval": [low, high]}


def quantiles():
    for size in (2, 3, 100, 999):
        values = rng.normal(0, 1, size)
        yield {"values": values.tolist(), "interval": np.quantile(values, [0.025, 0.975]).tolist(), "error": values.std(ddof=1)}


def precisions():
    """Two precisions on the same samples: statsmodels' GEE with the samples as groups, scipy's test of two proportions where
    no sample is shared, and by its definition, sample by sample, the statistic of Kosinski (2013); Wilson's from statsmodels."""
    for right, wrong in [([40, 6, 2], [30, 3, 9]), ([0, 30, 22], [0, 12, 25]), ([5, 0, 3], [2, 4, 0]), ([900, 40, 55], [100, 80, 20]),
                         ([0, 3, 9], [0, 5, 2]), ([17, 1, 0], [4, 0, 2])]:
        y, t, who, cells = [], [], [], [(1, n, w) for n, w in zip(right, "bfs")] + [(0, n, w) for n, w in zip(wrong, "bfs")]
        for truth, count, chosen in cells:
            for _ in range(count):
                group = who[-1] + 1 if who else 0
                for side in {"b": (0, 1), "f": (0,), "s": (1,)}[chosen]:
                    y.append(truth), t.append(side), who.append(group)
        y, t, who = np.array(y), np.array(t), np.array(who)
        fit = sm.GEE(y, sm.add_constant(t), groups=who).fit()
        n = [(t == side).sum() for side in (0, 1)]
        p = [y[t == side].mean() for side in (0, 1)]
        pooled = y.mean()
        product = sum(np.prod(y[who == g] - pooled) for g in np.unique(who) if (who == g).sum() == 2)
        variance = (pooled * (1 - pooled) - 2 * product / len(y)) * (1 / n[0] + 1 / n[1])
        test = stats.chi2.sf((p[1] - p[0]) ** 2 / variance, 1)
        if right[0] + wrong[0] == 0:
            table = [[y[t == side].sum(), (1 - y[t == side]).sum()] for side in (0, 1)]
            assert abs(test - stats.chi2_contingency(table, correction=False).pvalue) < 1e-12
        shared = sum(np.prod(y[who == g] - np.array(p)) for g in np.unique(who) if (who == g).sum() == 2)
        spread = np.sqrt(n[0] * n[1] * np.prod([x * (1 - x) for x in p]))
        correlation = shared / spread if spread > 0 else (right[0] + wrong[0]) / np.sqrt(n[0] * n[1])
        (l0, u0), (l1, u1) = [proportion_confint(y[t == side].sum(), n[side], 0.05, "wilson") for side in (0, 1)]
        reach = lambda a, b: np.sqrt(a * a + b * b - 2 * correlation * a * b)
        d = p[1] - p[0]
        yield {"right": right, "wrong": wrong, "difference": fit.params[1], "standardError": fit.bse[1], "p": test,
               "interval": [d - reach(p[1] - l1, u0 - p[0]), d + reach(u1 - p[1], p[0] - l0)]}


ps = [1e-300, 1e-20, 1e-5, 0.005, 0.025, 0.1, 0.31, 0.5, 0.7, 0.975, 0.9999]
xs = [-37, -12, -5, -2.5, -2.4999, -1, -0.01, 0, 1e-9, 0.5, 2.49, 2.51, 6]
out = {
    "about": f"scipy {scipy.__version__}, statsmodels {statsmodels.__version__}, numpy {np.__version__}, by statistics.py",
    "quantile": [[p, stats.norm.ppf(p)] for p in ps],
    "cdf": [[x, stats.norm.cdf(x)] for x in xs],
    "wilson": list(wilson()),
    "mcnemar": list(midp()),
    "paired": list(tango()),
    "holm": list(holm()),
    "delong": list(delong()),
    "means": list(means()),
    "quantiles": list(quantiles()),
    "precisions": list(precisions()),
    "poisson": [stats.poisson.pmf(k, 1) for k in range(8)],
}
path = Path(__file__).with_name("statistics.json")
path.write_text(json.dumps(out, separators=(",", ":"), default=float) + "\n")
print(path.stat().st_size, "bytes")
