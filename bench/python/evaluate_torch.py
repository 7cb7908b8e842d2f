"""The metrics of `focal-simd evaluate`, as one writes them with PyTorch and torchmetrics.

python3 evaluate_torch.py logits.npy targets.npy [threads]
"""

import json
import sys

import numpy as np
import torch
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

BATCH, BINS, HARDEST = 65536, 15, 10

if len(sys.argv) > 3:
    torch.set_num_threads(int(sys.argv[3]))
logits, targets = np.load(sys.argv[1], mmap_mode="c"), np.load(sys.argv[2])
n, classes = logits.shape
metrics = MetricCollection(
    {
        "accuracy": MulticlassAccuracy(classes, average="micro"),
        "balancedAccuracy": MulticlassAccuracy(classes, average="macro"),
        "top5": MulticlassAccuracy(classes, top_k=5, average="micro"),
        "macroF1": MulticlassF1Score(classes, average="macro"),
        "precision": MulticlassPrecision(classes, average=None),
        "recall": MulticlassRecall(classes, average=None),
        "f1": MulticlassF1Score(classes, average=None),
        "ece": MulticlassCalibrationError(classes, n_bins=BINS, norm="l1"),
        "mce": MulticlassCalibrationError(classes, n_bins=BINS, norm="max"),
    }
)
sums = torch.zeros(3, dtype=torch.float64)
losses = []
with torch.no_grad():
    for start in range(0, n, BATCH):
        z = torch.from_numpy(np.ascontiguousarray(logits[start : start + BATCH]))
        y = torch.from_numpy(targets[start : start + BATCH].astype(np.int64))
        log_p = torch.log_softmax(z, dim=1)
        p = log_p.exp()
        own = log_p.gather(1, y[:, None]).squeeze(1)
        loss = -((1 - own.exp()) ** 2) * own
        losses.append(loss)
        brier = (p**2).sum(dim=1) - 2 * own.exp() + 1
        sums += torch.stack([values.sum(dtype=torch.float64) for values in (loss, -own, brier)])
        metrics.update(p, y)
result = metrics.compute()
loss, cross_entropy, brier = (sums / n).tolist()
single = {name: value.item() for name, value in result.items() if value.numel() == 1}
print(
    json.dumps(
        {
            "loss": loss,
            "crossEntropy": cross_entropy,
            "brier": brier,
            **single,
            "perClass": [result[name].tolist() for name in ("precision", "recall", "f1")],
            "hardest": torch.cat(losses).topk(HARDEST).indices.tolist(),
        }
    )
)
