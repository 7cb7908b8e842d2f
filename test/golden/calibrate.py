"""Golden temperatures from scipy, over seeded logits that the test draws too: calibrate.json.

Run: python3 test/golden/calibrate.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax


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


def soften(seed, targets, classes):
    """Shares in eighths: most of one class, something of the others; NaN leaves a logit out."""
    random = Random(seed + 1000)
    shares = np.empty((len(targets), classes))
    for i, y in enumerate(targets):
        for c in range(classes):
            shares[i, c] = 0.75 * (c == y) + np.floor(random.uniform() * 3) / 8
    return shares


def optimum(loss, logits, own):
    """`own`: the target of each logit."""
    valid = ~np.isnan(own)
    own = np.where(valid, own, 0)

    def nll(log_beta):
        z = logits * np.exp(log_beta)
        if loss == "softmax":
            return -(own * log_softmax(z, 1)).sum(1).mean()
        return (valid * (own * np.logaddexp(0, -z) + (1 - own) * np.logaddexp(0, z))).sum(1).mean()

    # the minimum is flat, so its place is found as the zero of the slope
    def slope(log_beta):
        h = 1e-6
        beta = np.exp(log_beta)
        z = logits * beta
        if loss == "softmax":
            p = np.exp(log_softmax(z, 1))
            return (own.sum(1) * (p * logits).sum(1) - (own * logits).sum(1)).mean()
        return (valid * logits * (expit(z) - own)).sum(1).mean()

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
                      "temperature": optimum(loss, logits, np.eye(classes)[targets])})
    # targets in the shape of the logits; of one class the logit speaks for it
    for seed, (loss, n, classes, left_out) in enumerate(
        [("softmax", 300, 4, 0), ("sigmoid", 300, 4, 0), ("sigmoid", 300, 4, 7), ("sigmoid", 300, 1, 0)], 101):
        logits, targets = draw(seed, n, classes, 4.0, 2)
        own = soften(seed, targets, classes)
        if left_out:
            own.reshape(-1)[::left_out] = np.nan
        cases.append({"loss": loss, "seed": seed, "n": n, "classes": classes, "scale": 4.0, "lift": 2, "dense": True,
                      "leftOut": left_out, "temperature": optimum(loss, logits, own)})
    out = {"about": f"scipy {scipy.__version__}, by calibrate.py", "cases": cases}
    Path(__file__).with_name("calibrate.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    for case in cases:
        print(case)
