"""Golden metrics from torchmetrics and scikit-learn: metrics.json. Run: python3 test/golden/metrics.py

Logits are seeded float32 numbers on a grid of 2^-6, so that JSON holds them exactly and ties occur.
"""

import json
import sys
import warnings
from pathlib import Path

# scipy imports the standard library's statistics, not the file of that name beside this one
sys.path.pop(0)

import numpy as np
import scipy.stats
import sklearn
import sklearn.metrics as sk
import torch
import torchmetrics
import torchmetrics.functional.classification as tm
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

warnings.filterwarnings("ignore")
IGNORE = -100


def batch(seed, n, classes, imbalance, lift, scale=2.0, ignored=0.05, grid=64, only=None):
    """Logits and targets of an imbalanced problem solved more or less well."""
    rng = np.random.default_rng(seed)
    rates = 1.0 / np.arange(1, classes + 1) ** imbalance
    targets = rng.choice(classes, n, p=rates / rates.sum())
    logits = rng.normal(0, scale, (n, classes))
    logits[np.arange(n), targets] += lift
    logits += np.log(rates)
    logits = np.round(logits * grid) / grid
    if only is not None:
        targets[:] = only
    targets[rng.random(n) < ignored] = IGNORE
    return logits.astype(np.float32), targets.astype(np.int64)


def first_argmax(z):
    return z.argmax(1)  # numpy: the first of equals


def decisions(hot, decided, occurring):
    """Metrics of decisions by class and their means, of indicators [N, C]; means over the classes that occur."""
    args = {"zero_division": 0}
    out = {}
    for name, score in {
        "recall": lambda y, d, **a: sk.recall_score(y, d, **args, **a),
        "precision": lambda y, d, **a: sk.precision_score(y, d, **args, **a),
        "f1": lambda y, d, **a: sk.f1_score(y, d, **args, **a),
        "jaccard": lambda y, d, **a: sk.jaccard_score(y, d, **args, **a),
        "fBeta": lambda y, d, **a: sk.fbeta_score(y, d, beta=2, **args, **a),
        "specificity": lambda y, d, **a: sk.recall_score(1 - y, 1 - d, **args, **a),
        "negativePredictiveValue": lambda y, d, **a: sk.precision_score(1 - y, 1 - d, **args, **a),
    }.items():
        by_class = score(hot, decided, average=None)
        support = hot.sum(0)
        out[name] = {
            "perClass": by_class.tolist(),
            "micro": float(score(hot, decided, average="micro")),
            "macro": float(by_class[occurring].mean()),
            "weighted": float((by_class * support).sum() / support.sum()),
        }
    mcc = np.array([sk.matthews_corrcoef(hot[:, c], decided[:, c]) for c in range(hot.shape[1])])
    out["mcc"] = {
        "perClass": mcc.tolist(),
        "micro": float(sk.matthews_corrcoef(hot.ravel(), decided.ravel())),
        "macro": float(mcc[occurring].mean()),
        "weighted": float((mcc * hot.sum(0)).sum() / hot.sum()),
    }
    return out


def calibration(confidence, hits, by_torchmetrics):
    """Expected and maximum calibration error over 15 bins of the confidence rounded to 2^-23, which is how ties with an edge
    fall; torchmetrics, which sums in float32, agrees where no confidence is near an edge."""
    p = np.round(np.asarray(confidence) * 2**23) / 2**23
    bins = np.minimum(np.floor(p * 15), 14).astype(int)
    counts = np.bincount(bins, minlength=15)
    gaps = np.abs(np.bincount(bins, hits, 15) - np.bincount(bins, p, 15))
    ece, mce = gaps.sum() / counts.sum(), (gaps[counts > 0] / counts[counts > 0]).max()
    if len(p) >= 300:
        assert abs(by_torchmetrics("l1") - ece) < 2e-6 and abs(by_torchmetrics("max") - mce) < 2e-5
    return {"ece": float(ece), "mce": float(mce)}


def classwise(p, hot):
    """Calibration error of each class by itself over 15 bins of its probability (Kull et al. 2019), the mean over the classes: from
    scikit-learn's calibration_curve, and torchmetrics agrees. `apart` is how far it may be from that of probabilities which are off by
    1/256: these, and what of the samples within reach of an edge falls in the other bin."""
    p, hot = np.asarray(p, dtype=np.float64), np.asarray(hot)
    n, edges = len(p), np.linspace(0, 1, 16)
    errors, reach = [], []
    for c in range(p.shape[1]):
        true, predicted = calibration_curve(hot[:, c], p[:, c], n_bins=15)
        counts = np.bincount(np.searchsorted(edges[1:-1], p[:, c]), minlength=15)
        errors.append((counts[counts > 0] * np.abs(true - predicted)).sum() / n)
        reach.append((np.abs(p[:, c, None] - edges[1:-1]) < 1 / 256).any(1).mean())
        if n >= 300:
            by_torchmetrics = float(tm.binary_calibration_error(torch.tensor(p[:, c]), torch.tensor(hot[:, c]), n_bins=15, norm="l1"))
            assert abs(by_torchmetrics - errors[-1]) < 1e-5
    return {"classwiseEce": float(np.mean(errors)), "apart": float(1 / 256 + 2 * np.mean(reach))}


FINE = 200
GROUPS = 15


def by_confidence(confidence, hits, selective):
    """From the definitions, as no package has them of bins. Adaptive (equal-mass) ECE: the bins from the lowest on, in groups that
    end where a fifteenth more of the decisions has been seen. AURC (Geifman et al. 2019): the mean over k of the share of errors among
    the k most confident, of equal bins in the mean over all orders. Beside them the two of the very confidences: equal-mass groups as
    numpy.array_split makes them of the sorted, as in Nixon et al. 2019, and AURC by sorting, which finer bins come near to."""
    p = np.round(np.asarray(confidence, dtype=np.float64) * 2**23) / 2**23
    hits = np.asarray(hits, dtype=np.float64)
    n = len(p)
    bins = np.minimum(np.floor(p * FINE), FINE - 1).astype(int)
    counts = np.bincount(bins, minlength=FINE)
    gaps = np.bincount(bins, hits - p, FINE)
    before = np.cumsum(counts) - counts
    groups = before * GROUPS // n
    adaptive = np.abs(np.bincount(groups, gaps)).sum() / n if (counts * GROUPS <= 2 * n).all() else None
    order = np.argsort(p, kind="stable")
    equal_mass = sum(abs((hits - p)[part].sum()) for part in np.array_split(order, GROUPS)) / n
    out = {"adaptiveEce": None if adaptive is None else float(adaptive), "equalMassEce": float(equal_mass)}
    if not selective:
        return out
    errors = 1 - hits
    risks = []
    seen = wrong = 0
    for b in range(FINE - 1, -1, -1):
        own = errors[bins == b]
        for k in range(1, len(own) + 1):
            risks.append((wrong + k * own.mean()) / (seen + k))
        seen += len(own)
        wrong += own.sum()
    descending = errors[np.argsort(-p, kind="stable")]
    exact = (np.cumsum(descending) / np.arange(1, n + 1)).mean()
    return {**out, "aurc": float(np.mean(risks)), "exactAurc": float(exact)}


def areas(hot, scores):
    """Areas under the curves of each class; None where they are not defined."""
    columns = range(hot.shape[1])
    some = [0 < hot[:, c].sum() < len(hot) for c in columns]
    return {
        "auroc": [float(sk.roc_auc_score(hot[:, c], scores[:, c])) if some[c] else None for c in columns],
        "averagePrecision": [
            float(sk.average_precision_score(hot[:, c], scores[:, c])) if hot[:, c].any() else None for c in columns
        ],
    }


def wilson(hits, n):
    return list(proportion_confint(hits, n, alpha=0.05, method="wilson"))


def normal(values):
    """Normal interval of the mean."""
    reach = scipy.stats.norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return [float(values.mean() - reach), float(values.mean() + reach)]


def softmax_case(seed, n, classes, **shape):
    logits, targets = batch(seed, n, classes, **shape)
    keep = targets != IGNORE
    z, y = logits[keep], targets[keep]
    z64 = torch.from_numpy(z).double()
    p = torch.softmax(z64, 1)
    labels = list(range(classes))
    predicted = first_argmax(z)
    truth = torch.from_numpy(y)
    guess = torch.from_numpy(predicted)
    precision, recall, f1, support = sk.precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)
    macro_f1 = tm.multiclass_f1_score(guess, truth, classes, average="macro")
    assert abs(float(macro_f1) - sk.f1_score(y, predicted, average="macro")) < 1e-6
    hot, decided = np.eye(classes, dtype=int)[y], np.eye(classes, dtype=int)[predicted]
    occurring = (hot + decided).sum(0) > 0
    present = hot.sum(0) > 0
    margins = torch.stack([z64[:, c] - torch.logsumexp(torch.cat([z64[:, :c], z64[:, c + 1 :]], 1), 1) for c in range(classes)], 1)
    entropies = -torch.log_softmax(z64, 1)[np.arange(len(y)), y].numpy()
    rates = hot.mean(0)
    brier = sk.brier_score_loss(y, p.numpy(), labels=labels, scale_by_half=False)
    expected = {
        "samples": int(keep.sum()),
        "ignored": int((~keep).sum()),
        "accuracy": sk.accuracy_score(y, predicted),
        "balancedAccuracy": sk.balanced_accuracy_score(y, predicted),
        "macroF1": sk.f1_score(y, predicted, average="macro"),
        "crossEntropy": sk.log_loss(y, p.numpy(), labels=labels),
        "brier": brier,
        "brierSkill": None if rates.max() == 1 else 1 - brier / float(1 - (rates**2).sum()),
        "adjustedBalancedAccuracy": sk.balanced_accuracy_score(y, predicted, adjusted=True) if present.sum() > 1 else None,
        "meanIou": sk.jaccard_score(y, predicted, average="macro", zero_division=0),
        "mcc": sk.matthews_corrcoef(y, predicted) if present.sum() > 1 and decided.any(0).sum() > 1 else None,
        "kappa": sk.cohen_kappa_score(y, predicted) if occurring.sum() > 1 else None,
        "decisions": decisions(hot, decided, occurring),
        **areas(hot, margins.numpy()),
        "intervals": {
            "accuracy": wilson((y == predicted).sum(), len(y)),
            "crossEntropy": normal(entropies),
            "brier": normal(((p.numpy() - hot) ** 2).sum(1)),
        },
        "classIntervals": {"recall": [wilson((hot * decided)[:, c].sum(), hot[:, c].sum()) if present[c] else None for c in labels]},
        **calibration(
            p.numpy().max(1),
            y == predicted,
            lambda norm: float(tm.multiclass_calibration_error(p, truth, classes, n_bins=15, norm=norm)),
        ),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "confusion": sk.confusion_matrix(y, predicted, labels=labels).tolist(),
        "fine": by_confidence(p.numpy().max(1), y == predicted, True),
        "classwise": classwise(p.numpy(), hot),
    }
    if classes <= 5:
        expected["normalized"] = {
            by: sk.confusion_matrix(y, predicted, labels=labels, normalize=by).tolist() for by in ("true", "pred", "all")
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
    h, d = hot.numpy(), decided.numpy()
    occurring = (h + d).sum(0) > 0
    entropies = torch.nn.functional.binary_cross_entropy_with_logits(z.double(), hot.double(), reduction="none").numpy()
    rates = h.mean(0)
    brier = sk.brier_score_loss(flat_hot.numpy(), flat.numpy())
    expected = {
        "decisions": decisions(h, d, occurring),
        "subsetAccuracy": sk.accuracy_score(h, d),
        "brierSkill": 1 - brier / float((rates * (1 - rates)).mean()) if (rates * (1 - rates)).sum() > 0 else None,
        "intervals": {
            "subsetAccuracy": wilson((h == d).all(1).sum(), len(h)),
            "crossEntropy": normal(entropies.mean(1)),
            "brier": normal(((p.numpy() - h) ** 2).mean(1)),
        },
        "classIntervals": {"accuracy": [wilson((h == d)[:, c].sum(), len(h)) for c in range(classes)]},
        "samples": int(keep.sum()),
        "ignored": int((~keep).sum()),
        "accuracy": float((decided == hot).double().mean()),
        "crossEntropy": float(torch.nn.functional.binary_cross_entropy_with_logits(z.double(), hot.double())),
        "brier": brier,
        **calibration(
            flat.numpy(), flat_hot.numpy(), lambda norm: float(tm.binary_calibration_error(flat, flat_hot, n_bins=15, norm=norm))
        ),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "fine": by_confidence(flat.numpy(), flat_hot.numpy(), False),
        "classwise": classwise(p.numpy(), h),
        "classAccuracy": (decided == hot).double().mean(0).tolist(),
        **areas(h, z.numpy()),
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
# many small ones: ties, rare positives, one class, classes without samples or predictions
for k in range(100):
    shape = {
        "imbalance": [0.0, 1.0, 3.0][k % 3],
        "lift": [0.0, 1.0, 3.0, 12.0][k % 4],
        "scale": [0.5, 2.0][k % 2],
        "ignored": [0.0, 0.2][k // 2 % 2],
        "grid": [1, 8, 64][k % 3],
    }
    classes = 2 + k % 5
    n = [12, 25, 40][k % 3]
    cases.append(softmax_case(1000 + k, n, classes, only=k % classes if k % 10 == 9 else None, **shape))
    cases.append(sigmoid_case(2000 + k, n, classes, only=k % classes if k % 10 == 9 else None, **shape))


def short(value):
    """Twelve digits are enough, and half the bytes."""
    if isinstance(value, dict):
        return {key: short(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [short(entry) for entry in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


for case in cases:
    case["expected"] = short(case["expected"])
out = {
    "about": f"torchmetrics {torchmetrics.__version__}, scikit-learn {sklearn.__version__}, by metrics.py",
    "cases": cases,
}
path = Path(__file__).with_name("metrics.json")
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
