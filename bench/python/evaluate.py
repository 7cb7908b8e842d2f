"""The metrics of `focal-simd evaluate`, as one writes them with numpy, scipy and scikit-learn.

python3 evaluate.py logits.npy targets.npy
"""

import json
import sys

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

BINS, HARDEST = 15, 10

logits, targets = np.load(sys.argv[1], mmap_mode="r"), np.load(sys.argv[2])
n, classes = logits.shape
log_p = log_softmax(logits, axis=1)
own = log_p[np.arange(n), targets]
losses = -((1 - np.exp(own)) ** 2) * own
p = np.exp(log_p)
predictions = p.argmax(axis=1)
confidence = p.max(axis=1)
hits = predictions == targets

precision, recall, f1, support = precision_recall_fscore_support(
    targets, predictions, labels=np.arange(classes), zero_division=np.nan
)
bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
count = np.bincount(bins, minlength=BINS)
gap = np.abs(np.bincount(bins, confidence, BINS) - np.bincount(bins, hits, BINS))
hardest = np.argsort(-losses, kind="stable")[:HARDEST]
print(
    json.dumps(
        {
            "loss": losses.mean(dtype=float),
            "crossEntropy": -own.mean(dtype=float),
            "accuracy": accuracy_score(targets, predictions),
            "balancedAccuracy": balanced_accuracy_score(targets, predictions),
            "top5": top_k_accuracy_score(targets, logits, k=5, labels=np.arange(classes)),
            "macroF1": np.nanmean(f1),
            "brier": ((p**2).sum(axis=1) - 2 * np.exp(own) + 1).mean(dtype=float),
            "ece": gap.sum() / n,
            "mce": (gap[count > 0] / count[count > 0]).max(),
            "perClass": [precision.tolist(), recall.tolist(), f1.tolist(), support.tolist()],
            "hardest": hardest.tolist(),
        }
    )
)
