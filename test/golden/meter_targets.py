"""Golden metrics of targets in the shape of the logits, from scikit-learn, torchmetrics, PyTorch and statsmodels: meter-targets.json.

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
import statsmodels
import statsmodels.api as sm
import torch
import torch.nn.functional as F
import torchmetrics
import torchmetrics.functional.classification as tm

warnings.filterwarnings("ignore")
IGNORED = -100


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


def ignoring(seed, shape, soft):
    """Some logits are ignored, and all logits of some samples. Standard errors: of a mean over logits, those of a sample a cluster."""
    rng, logits = draw(seed, shape)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    targets = np.round(rng.random(shape) * 16) / 16 if soft else (rng.random(shape) < 0.3 + 0.4 * p).astype(np.float64)
    targets[rng.random(shape) < 0.2] = IGNORED
    z, t, q = rows(logits), rows(targets), rows(p)
    t[rng.random(len(t)) < 0.1] = IGNORED
    targets = np.moveaxis(t.reshape(*[shape[i] for i in (0, *range(2, len(shape)), 1)]), -1, 1)
    kept = t != IGNORED
    some = kept.any(1)
    truth = np.where(kept, (t >= 0.5).astype(int), IGNORED)
    C, libraries = shape[1], dict(num_labels=shape[1], ignore_index=IGNORED)
    args = torch.tensor(q[some]), torch.tensor(truth[some])
    columns = [(truth[kept[:, c], c], z[kept[:, c], c]) for c in range(C)]
    entropies = F.binary_cross_entropy_with_logits(torch.tensor(z).double(), torch.tensor(np.where(kept, t, 0)), reduction="none").numpy()
    wrong = (truth != (z > 0)) & kept
    def clustered(values):
        sample = np.broadcast_to(np.arange(len(t))[:, None], t.shape)[kept]
        fit = sm.OLS(values[kept].astype(float), np.ones(kept.sum())).fit(cov_type="cluster", cov_kwds={"groups": sample}, use_t=False)
        return list(map(float, fit.conf_int(0.05)[0]))
    of = lambda f, average: float(f(*args, average=average, **libraries))
    metrics = {
        "samples": int(some.sum()),
        "ignoredLogits": int((~kept[some]).sum()),
        "accuracy": 1 - float(wrong[kept].mean()),
        "subsetAccuracy": float(tm.multilabel_exact_match(*args, **libraries)),
        "crossEntropy": float(entropies[kept].mean()),
        "brier": float(((q - t) ** 2)[kept].mean()),
        "macro": {"precision": of(tm.multilabel_precision, "macro"), "recall": of(tm.multilabel_recall, "macro"), "f1": of(tm.multilabel_f1_score, "macro"), "specificity": of(tm.multilabel_specificity, "macro")},
        "micro": {"precision": of(tm.multilabel_precision, "micro"), "recall": of(tm.multilabel_recall, "micro"), "f1": of(tm.multilabel_f1_score, "micro"), "specificity": of(tm.multilabel_specificity, "micro")},
        "counts": tm.multilabel_stat_scores(*args, average="none", **libraries).tolist(),
        "support": [int(y.sum()) for y, _ in columns],
        "f1": [float(sk.f1_score(y, s > 0, zero_division=0)) for y, s in columns],
        "prevalence": [float(y.mean()) for y, _ in columns],
        "classAccuracy": [float(sk.accuracy_score(y, s > 0)) for y, s in columns],
        "auroc": [float(sk.roc_auc_score(y, s)) for y, s in columns],
        "averagePrecision": [float(sk.average_precision_score(y, s)) for y, s in columns],
        "torchmetricsF1": of(tm.multilabel_f1_score, "micro"),
        "ece": float(tm.binary_calibration_error(torch.tensor(q).flatten(), torch.tensor(truth).flatten(), n_bins=15, ignore_index=IGNORED)),
        "intervals": {"crossEntropy": clustered(entropies), "brier": clustered((q - t) ** 2)},
    }
    # in float32
    assert np.allclose(metrics["auroc"], tm.multilabel_auroc(*args, average="none", **libraries), atol=1e-6)
    assert np.allclose(metrics["averagePrecision"], tm.multilabel_average_precision(*args, average="none", **libraries), atol=1e-6)
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
cases += [ignoring(40 + i, shape, soft) for i, shape in enumerate([(60, 3), (40, 8), (6, 3, 11), (50, 2), (40, 20)]) for soft in (False, True)]
cases += [shares(20 + i, shape) for i, shape in enumerate([(40, 3), (25, 8), (4, 3, 11), (30, 2), (6, 40)])]
made = f"scikit-learn {sklearn.__version__}, torchmetrics {torchmetrics.__version__}, PyTorch {torch.__version__.split('+')[0]}, statsmodels {statsmodels.__version__}"
Path(__file__).with_name("meter-targets.json").write_text(json.dumps({"made": made, "cases": cases}) + "\n")
print(len(cases), "cases,", made)
