"""Golden metrics of targets in the shape of the logits, from scikit-learn, torchmetrics and PyTorch: meter-targets.json.

Run: python3 test/golden/meter_targets.py. Logits are seeded numbers on a grid of 2^-6, targets on one of 2^-4, so that JSON holds them
exactly.
"""

import json
import sys
import warnings
from pathlib import Path

# scipy imports the standard library's statistics, not the file of that name beside this one
sys.path.pop(0)

import numpy as np
import sklearn
import sklearn.metrics as sk
import torch
import torch.nn.functional as F
import torchmetrics
import torchmetrics.functional.classification as tm

warnings.filterwarnings("ignore")


def draw(seed, shape):
    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(-0.5, 2, shape) * 64) / 64
    return rng, logits.astype(np.float32)


def rows(array):
    """[B, C, …] as [N, C]."""
    return np.moveaxis(array, 1, -1).reshape(-1, array.shape[1])


def multilabel(seed, shape, soft):
    rng, logits = draw(seed, shape)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    hard = (rng.random(shape) < 0.3 + 0.4 * p).astype(np.float64)
    targets = np.round(rng.random(shape) * 16) / 16 if soft else hard
    z, t, q = rows(logits), rows(targets), rows(p)
    yes, truth = (z > 0).astype(int), (t >= 0.5).astype(int)
    metrics = {
        "accuracy": float((yes == truth).mean()),
        "subsetAccuracy": float(sk.accuracy_score(truth, yes)),
        "crossEntropy": float(F.binary_cross_entropy_with_logits(torch.tensor(z).double(), torch.tensor(t)).item()),
        "brier": float(((q - t) ** 2).mean()),
        "macro": dict(zip(["precision", "recall", "f1"], map(float, sk.precision_recall_fscore_support(truth, yes, average="macro", zero_division=0)[:3]))),
        "micro": dict(zip(["precision", "recall", "f1"], map(float, sk.precision_recall_fscore_support(truth, yes, average="micro")[:3]))),
        "support": truth.sum(0).tolist(),
        "f1": list(map(float, sk.f1_score(truth, yes, average=None, zero_division=0))),
        "auroc": [float(sk.roc_auc_score(truth[:, c], z[:, c])) for c in range(shape[1])],
        "averagePrecision": [float(sk.average_precision_score(truth[:, c], z[:, c])) for c in range(shape[1])],
        "torchmetricsF1": float(tm.multilabel_f1_score(torch.tensor(q), torch.tensor(truth), num_labels=shape[1], average="micro")),
    }
    return case("sigmoid", logits, targets, metrics)


def shares(seed, shape):
    rng, logits = draw(seed, shape)
    targets = np.round(rng.random(shape) ** 3 * 16) / 16
    z, t = rows(logits), rows(targets)
    q = torch.softmax(torch.tensor(z).double(), -1).numpy()
    truth, said = t.argmax(-1), z.argmax(-1)
    classes = list(range(shape[1]))
    metrics = {
        "accuracy": float(sk.accuracy_score(truth, said)),
        "crossEntropy": float(F.cross_entropy(torch.tensor(z).double(), torch.tensor(t)).item()),
        "brier": float(((q - t) ** 2).sum(-1).mean()),
        "confusion": sk.confusion_matrix(truth, said, labels=classes).tolist(),
        "support": np.bincount(truth, minlength=shape[1]).tolist(),
        "macro": dict(zip(["precision", "recall", "f1"], map(float, sk.precision_recall_fscore_support(truth, said, average="macro", zero_division=0)[:3]))),
    }
    return case("softmax", logits, targets, metrics)


def case(loss, logits, targets, metrics):
    flat = lambda array: np.asarray(array, np.float64).ravel().tolist()
    return {"loss": loss, "dims": list(logits.shape), "logits": flat(logits), "targets": flat(targets), "metrics": metrics}


cases = [multilabel(i, shape, soft) for i, shape in enumerate([(40, 3), (25, 8), (4, 3, 11), (30, 2)]) for soft in (False, True)]
cases += [shares(20 + i, shape) for i, shape in enumerate([(40, 3), (25, 8), (4, 3, 11), (30, 2), (6, 40)])]
made = f"scikit-learn {sklearn.__version__}, torchmetrics {torchmetrics.__version__}, PyTorch {torch.__version__.split('+')[0]}"
Path(__file__).with_name("meter-targets.json").write_text(json.dumps({"made": made, "cases": cases}) + "\n")
print(len(cases), "cases,", made)
