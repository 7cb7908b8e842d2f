"""Golden comparisons from scipy and statsmodels, over seeded logits that the test draws too: compare.json.

Run: python3 test/golden/compare.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
import sklearn.metrics as sk
import statsmodels
from scipy import stats
from scipy.special import expit, rel_entr, softmax
from statsmodels.stats.multitest import multipletests

from calibrate import Random


def draw(seed, n, classes, scale, noise):
    """Logits on a grid of 2^-6, a candidate that is off by noise, and targets that the baseline knows something of."""
    random = Random(seed)
    bell = lambda: random.uniform() + random.uniform() + random.uniform() - 1.5
    a = np.empty((n, classes))
    b = np.empty((n, classes))
    targets = np.empty(n, int)
    for i in range(n):
        for c in range(classes):
            a[i, c] = np.floor(bell() * scale * 64) / 64
            b[i, c] = a[i, c] + np.floor(bell() * noise * 64) / 64
        # squared: the first classes have more samples
        u = random.uniform()
        targets[i] = int(u * u * classes)
        if random.uniform() < 0.5:
            a[i, targets[i]] += scale
            b[i, targets[i]] += scale
    return a, b, targets


def normal(d, scale=1):
    error = d.std(ddof=1) / np.sqrt(len(d))
    z = stats.norm.ppf(0.975)
    return {"delta": d.mean() / scale, "standardError": error / scale,
            "interval": [(d.mean() - z * error) / scale, (d.mean() + z * error) / scale]}


def midp(b, c):
    n, m = b + c, min(b, c)
    return 1.0 if b == c else 2 * stats.binom.cdf(m, n, 0.5) - stats.binom.pmf(m, n, 0.5)


def softmax_case(a, b, y, classes):
    p, q = softmax(a, 1), softmax(b, 1)
    rows = np.arange(len(y))
    ce = [-np.log(s[rows, y]) for s in (p, q)]
    focal = [(1 - s[rows, y]) ** 2 * c for s, c in zip((p, q), ce)]
    brier = [((s - np.eye(classes)[y]) ** 2).sum(1) for s in (p, q)]
    said = [s.argmax(1) for s in (a, b)]
    right = [s == y for s in said]
    lost = [int((right[0] & ~right[1] & (y == c)).sum()) for c in range(classes)]
    won = [int((~right[0] & right[1] & (y == c)).sum()) for c in range(classes)]
    present = [c for c in range(classes) if (y == c).any()]
    ps = [midp(lost[c], won[c]) for c in present]
    adjusted = multipletests(ps, method="holm")[1]
    kl = rel_entr(p, q).sum(1)
    top2 = [(np.argsort(np.argsort(-s - 1e-9 * -np.arange(classes), axis=1, kind="stable"), axis=1)[rows, y] < 2) for s in (a, b)]
    return {
        "agreement": float((said[0] == said[1]).mean()),
        "flips": [[int(((said[0] == i) & (said[1] == j)).sum()) for j in range(classes)] for i in range(classes)],
        "kl": [kl.mean(), kl.max(), int(kl.argmax())],
        "difference": [abs(p - q).max(1).mean(), abs(p - q).max()],
        "loss": normal(focal[1] - focal[0]),
        "crossEntropy": normal(ce[1] - ce[0]),
        "brier": normal(brier[1] - brier[0]),
        "accuracy": {"baseline": right[0].mean(), "candidate": right[1].mean(), **normal(right[1].astype(float) - right[0])},
        "balancedAccuracy": sk.balanced_accuracy_score(y, said[1]) - sk.balanced_accuracy_score(y, said[0]),
        "macroF1": sk.f1_score(y, said[1], average="macro") - sk.f1_score(y, said[0], average="macro"),
        "lost": lost, "won": won,
        "p": midp(sum(lost), sum(won)),
        "classP": dict(zip(present, ps)), "adjusted": dict(zip(present, adjusted.tolist())),
        "top2": [int((top2[0] & ~top2[1]).sum()), int((~top2[0] & top2[1]).sum())],
        "hardest": np.lexsort((rows, -(focal[1] - focal[0])))[:5].tolist(),
    }


def sigmoid_case(a, b, y, classes):
    hot = np.eye(classes, dtype=bool)[y]
    p, q = expit(a), expit(b)
    bernoulli = lambda s, t: rel_entr(s, t) + rel_entr(expit(-a), expit(-b))
    kl = bernoulli(p, q).sum(1)
    ce = [-np.log(np.where(hot, s, expit(-z))).sum(1) for s, z in ((p, a), (q, b))]
    brier = [((s - hot) ** 2).sum(1) for s in (p, q)]
    said = [s > 0 for s in (a, b)]
    right = [s == hot for s in said]
    lost = (right[0] & ~right[1]).sum(0)
    won = (~right[0] & right[1]).sum(0)
    ps = [midp(int(l), int(w)) for l, w in zip(lost, won)]
    return {
        "agreement": float((said[0] == said[1]).mean()),
        "left": (said[0] & ~said[1]).sum(0).tolist(), "joined": (~said[0] & said[1]).sum(0).tolist(),
        "kl": [kl.mean(), kl.max(), int(kl.argmax())],
        "difference": [abs(p - q).max(1).mean(), abs(p - q).max()],
        "crossEntropy": normal(ce[1] - ce[0], classes),
        "brier": normal(brier[1] - brier[0], classes),
        "accuracy": normal((right[1].sum(1) - right[0].sum(1)).astype(float), classes),
        "lost": lost.tolist(), "won": won.tolist(), "classP": ps,
        "adjusted": multipletests(ps, method="holm")[1].tolist(),
        "recall": [[int((right[0] & ~right[1] & hot)[:, c].sum()), int((~right[0] & right[1] & hot)[:, c].sum())] for c in range(classes)],
    }


if __name__ == "__main__":
    cases = []
    shapes = [(1, 300, 2, 3, 1), (2, 400, 5, 4, 2), (3, 250, 40, 6, 0.1), (4, 60, 10, 40, 30), (5, 200, 3, 1, 0.02)]
    for loss, make in (("softmax", softmax_case), ("sigmoid", sigmoid_case)):
        for seed, n, classes, scale, noise in shapes:
            a, b, y = draw(seed, n, classes, scale, noise)
            cases.append({"loss": loss, "seed": seed, "n": n, "classes": classes, "scale": scale, "noise": noise,
                          "expected": make(a, b, y, classes)})
    out = {"about": f"scipy {scipy.__version__}, statsmodels {statsmodels.__version__}, by compare.py", "cases": cases}
    path = Path(__file__).with_name("compare.json")
    path.write_text(json.dumps(out, separators=(",", ":"), default=float) + "\n")
    print(len(cases), "cases,", path.stat().st_size, "bytes")
