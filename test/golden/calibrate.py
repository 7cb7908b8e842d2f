"""Golden temperatures from scipy, over seeded logits that the test draws too: calibrate.json.

Run: python3 test/golden/calibrate.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp


class Random:
    """mulberry32, as test/random.ts has it."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        m = 0xFFFFFFFF
        self.state = (self.state + 0x6D2B79F5) & m
        t = self.state
        t = ((t ^ (t >> 15)) * (t | 1)) & m
        t = ((t + ((t ^ (t >> 7)) * (t | 61) & m)) & m) ^ t
        return ((t ^ (t >> 14)) & m) / 4294967296


def draw(seed, n, classes, scale, lift):
    """Logits on a grid of 2^-10, so that scales by powers of two keep them exact in float32; targets that they speak for."""
    random = Random(seed)
    logits = np.empty((n, classes))
    targets = np.empty(n, int)
    for i in range(n):
        for c in range(classes):
            logits[i, c] = np.floor((random.uniform() + random.uniform() + random.uniform() - 1.5) * 2 * 1024) / 1024
        targets[i] = int(random.uniform() * classes)
        if random.uniform() < 0.7:
            logits[i, targets[i]] += lift
    return logits * scale, targets


def optimum(loss, logits, targets):
    own = np.eye(logits.shape[1], dtype=bool)[targets]

    def nll(log_beta):
        z = logits * np.exp(log_beta)
        if loss == "softmax":
            return -log_softmax(z, 1)[own].mean()
        return np.logaddexp(0, np.where(own, -z, z)).sum(1).mean()

    # the minimum is flat, so its place is found as the zero of the slope
    def slope(log_beta):
        h = 1e-6
        beta = np.exp(log_beta)
        z = logits * beta
        if loss == "softmax":
            p = np.exp(log_softmax(z, 1))
            return ((p * logits).sum(1) - logits[own]).mean()
        x = np.where(own, -logits, logits)
        return (x / (1 + np.exp(-x * beta))).sum(1).mean()

    rough = minimize_scalar(nll, bracket=(-1, 1)).x
    return float(np.exp(-scipy.optimize.brentq(slope, rough - 0.1, rough + 0.1, xtol=1e-15)))


if __name__ == "__main__":
    cases = []
    for seed, (loss, n, classes, scale, lift) in enumerate(
        [(loss, n, classes, scale, lift)
         for loss in ("softmax", "sigmoid")
         for n, classes, lift in [(500, 2, 1), (400, 10, 2), (200, 40, 3)]
         for scale in (2.0**-12, 0.25, 1.0, 8.0, 2.0**12)], 1):
        logits, targets = draw(seed, n, classes, scale, lift)
        cases.append({"loss": loss, "seed": seed, "n": n, "classes": classes, "scale": scale, "lift": lift,
                      "temperature": optimum(loss, logits, targets)})
    out = {"about": f"scipy {scipy.__version__}, by calibrate.py", "cases": cases}
    Path(__file__).with_name("calibrate.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    for case in cases:
        print(case)
