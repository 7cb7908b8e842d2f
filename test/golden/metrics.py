"""Golden metrics from torchmetrics and scikit-learn: metrics.json. Run: python3 test/golden/metrics.py

Logits are seeded float32 numbers on a grid of 2^-6, so that JSON holds them exactly and ties occur.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
import sklearn.metrics as sk
import torch
import torchmetrics
import torchmetrics.functional.classification as tm

warnings.filterwarnings("ignore")
IGNORE = -100


def batch(seed, n, classes, imbalance, lift, scale=2.0, ignored=0.05, grid=64):
    """Logits and targets of an imbalanced problem solved more or less well."""
    rng = np.random.default_rng(seed)
    rates = 1.0 / np.arange(1, classes + 1) ** imbalance
    targets = rng.choice(classes, n, p=rates / rates.sum())
    logits = rng.normal(0, scale, (n, classes))
    logits[np.arange(n), targets] += lift
    logits += np.log(rates)
    logits = np.round(logits * grid) / grid
    targets[rng.random(n) < ignored] = IGNORE
    return logits.astype(np.float32), targets.astype(np.int64)


def first_argmax(z):
    return z.argmax(1)  # numpy: the first of equals


def softmax_case(seed, n, classes, **shape):
    logits, targets = batch(seed, n, classes, **shape)
    keep = targets != IGNORE
    z, y = logits[keep], targets[keep]
    p = torch.softmax(torch.from_numpy(z).double(), 1)
    labels = list(range(classes))
    predicted = first_argmax(z)
    truth = torch.from_numpy(y)
    guess = torch.from_numpy(predicted)
    precision, recall, f1, support = sk.precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)
    macro_f1 = tm.multiclass_f1_score(guess, truth, classes, average="macro")
    assert abs(float(macro_f1) - sk.f1_score(y, predicted, average="macro")) < 1e-6
    expected = {
        "samples": int(keep.sum()),
        "ignored": int((~keep).sum()),
        "accuracy": sk.accuracy_score(y, predicted),
        "balancedAccuracy": sk.balanced_accuracy_score(y, predicted),
        "macroF1": sk.f1_score(y, predicted, average="macro"),
        "crossEntropy": sk.log_loss(y, p.numpy(), labels=labels),
        "brier": sk.brier_score_loss(y, p.numpy(), labels=labels, scale_by_half=False),
        "ece": float(tm.multiclass_calibration_error(p, truth, classes, n_bins=15, norm="l1")),
        "mce": float(tm.multiclass_calibration_error(p, truth, classes, n_bins=15, norm="max")),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "confusion": sk.confusion_matrix(y, predicted, labels=labels).tolist(),
    }
    # scikit-learn cuts ties among scores by the higher class first, so it is given scores in which the lower class is
    # larger by less than the grid
    ranks = z.astype(np.float64) - np.arange(classes) * 1e-9
    if classes > 2:
        expected["topK"] = {k: sk.top_k_accuracy_score(y, ranks, k=k, labels=labels) for k in (1, 2, 3, 5) if k < classes}
    return {"variant": "softmax", "classes": classes, "logits": logits.ravel().tolist(), "targets": targets.tolist(), "expected": expected}


def sigmoid_case(seed, n, classes, **shape):
    logits, targets = batch(seed, n, classes, **shape)
    keep = targets != IGNORE
    z, y = torch.from_numpy(logits[keep]), torch.from_numpy(targets[keep])
    p = torch.sigmoid(z.double())
    hot = torch.nn.functional.one_hot(y, classes)
    decided = (p > 0.5).long()
    precision, recall, f1, support = sk.precision_recall_fscore_support(hot, decided, zero_division=0)
    flat, flat_hot = p.reshape(-1), hot.reshape(-1)
    expected = {
        "samples": int(keep.sum()),
        "ignored": int((~keep).sum()),
        "accuracy": float((decided == hot).double().mean()),
        "crossEntropy": float(torch.nn.functional.binary_cross_entropy_with_logits(z.double(), hot.double())),
        "brier": sk.brier_score_loss(flat_hot.numpy(), flat.numpy()),
        "ece": float(tm.binary_calibration_error(flat, flat_hot, n_bins=15, norm="l1")),
        "mce": float(tm.binary_calibration_error(flat, flat_hot, n_bins=15, norm="max")),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "classAccuracy": (decided == hot).double().mean(0).tolist(),
        "micro": [float(getattr(sk, f"{name}_score")(hot, decided, average="micro")) for name in ("precision", "recall", "f1")],
        "macro": [
            float(getattr(sk, f"{name}_score")(hot, decided, average="macro", zero_division=0))
            for name in ("precision", "recall", "f1")
        ],
        "auroc": sk.roc_auc_score(hot.numpy(), z.numpy(), average=None).tolist(),
        "averagePrecision": sk.average_precision_score(hot.numpy(), z.numpy(), average=None).tolist(),
    }
    return {
        "variant": "sigmoid",
        "classes": classes,
        "logits": logits.ravel().tolist(),
        "targets": targets.tolist(),
        "expected": expected,
    }


cases = [
    softmax_case(1, 400, 2, imbalance=1.0, lift=1.0),
    softmax_case(2, 500, 3, imbalance=1.5, lift=2.0),
    softmax_case(3, 600, 10, imbalance=1.0, lift=3.0),
    softmax_case(4, 600, 10, imbalance=2.0, lift=0.5, grid=1),  # many ties
    softmax_case(5, 300, 16, imbalance=0.5, lift=4.0, ignored=0.3),
    softmax_case(6, 400, 21, imbalance=1.0, lift=2.0, grid=2),
    softmax_case(7, 150, 100, imbalance=1.2, lift=5.0),
    softmax_case(8, 20, 300, imbalance=0.7, lift=4.0),
    softmax_case(9, 400, 5, imbalance=4.0, lift=0.0),  # classes without samples or predictions
    sigmoid_case(11, 500, 2, imbalance=1.0, lift=2.0),
    sigmoid_case(12, 600, 4, imbalance=1.0, lift=3.0, scale=1.5),
    sigmoid_case(13, 600, 10, imbalance=0.5, lift=3.0),
    sigmoid_case(14, 300, 21, imbalance=0.0, lift=2.0, grid=2),
]
out = {
    "about": f"torchmetrics {torchmetrics.__version__}, scikit-learn {sklearn.__version__}, by metrics.py",
    "cases": cases,
}
path = Path(__file__).with_name("metrics.json")
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
