"""What other libraries' focal losses give, for the table "The same numbers as other libraries" of docs/losses.md.

    python3 presets.py     (writes presets.json; needs torch, torchvision, kornia, monai, keras over torch, optax)

Every case names the library's call, the loss and options of this package that give the same number, and what the
library answered in float32 and, where it can, in float64.
"""

import json
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import optax
import torch
import torchvision
from kornia.losses import binary_focal_loss_with_logits
from kornia.losses import focal_loss as kornia_focal_loss
from monai.losses import FocalLoss as MonaiFocalLoss

N, C = 12, 5
rng = np.random.default_rng(7)
logits = (rng.normal(size=(N, C)) * 2).astype(np.float32)
targets = rng.integers(0, C, N)
one_hot = np.eye(C, dtype=np.float32)[targets]
z, t, y = torch.tensor(logits), torch.tensor(one_hot), torch.tensor(targets)
cases = []


def case(library, call, loss, options, value, per=1):
    """`per`: by what the value of this package is to be divided."""
    cases.append({"library": library, "call": call, "loss": loss, "options": options, "per": per, "value": float(value)})


sigmoid_focal_loss = torchvision.ops.sigmoid_focal_loss
for reduction in ("mean", "sum"):
    for alpha, gamma in ((0.25, 2.0), (0.6, 1.5), (-1, 0.0)):
        value = sigmoid_focal_loss(z.double(), t.double(), alpha, gamma, reduction)
        call = f"torchvision.ops.sigmoid_focal_loss(z, one_hot, alpha={alpha}, gamma={gamma}, reduction='{reduction}')"
        case("torchvision", call, "sigmoid", {"alpha": alpha, "gamma": gamma, "smoothing": 0, "reduction": reduction}, value)

for reduction in ("mean", "sum"):
    for alpha, gamma in ((None, 2.0), (0.3, 2.0), (0.3, 0.5)):
        value = kornia_focal_loss(z.double(), y, alpha, gamma, reduction)
        weights = None if alpha is None else [1 - alpha] + [alpha] * (C - 1)
        call = f"kornia.losses.focal_loss(z, y, alpha={alpha}, gamma={gamma}, reduction='{reduction}')"
        case("kornia", call, "softmax", {"alpha": weights, "gamma": gamma, "reduction": reduction}, value,
             C if reduction == "mean" else 1)
value = binary_focal_loss_with_logits(z.double(), t.double(), 0.25, 2.0, "mean")
case("kornia", "kornia.losses.binary_focal_loss_with_logits(z, one_hot, alpha=0.25, gamma=2.0, reduction='mean')", "sigmoid",
     {"alpha": 0.25, "gamma": 2, "smoothing": 0, "reduction": "mean"}, value)

# MONAI's 'sum' takes the mean over the positions first; of [N, C], which has none, over everything
for reduction in ("mean", "sum"):
    for gamma in (2.0, 1.2):
        value = MonaiFocalLoss(use_softmax=True, gamma=gamma, reduction=reduction)(z, t)
        case("MONAI", f"monai.losses.FocalLoss(use_softmax=True, gamma={gamma}, reduction='{reduction}')(z, one_hot)", "softmax",
             {"gamma": gamma, "reduction": reduction}, value, C if reduction == "mean" else N * C)
        value = MonaiFocalLoss(gamma=gamma, reduction=reduction)(z, t)
        case("MONAI", f"monai.losses.FocalLoss(gamma={gamma}, reduction='{reduction}')(z, one_hot)", "sigmoid",
             {"alpha": None, "smoothing": 0, "gamma": gamma, "reduction": reduction}, value,
             1 if reduction == "mean" else N * C)
value = MonaiFocalLoss(gamma=2.0, alpha=0.25, reduction="mean")(z, t)
case("MONAI", "monai.losses.FocalLoss(gamma=2.0, alpha=0.25, reduction='mean')(z, one_hot)", "sigmoid",
     {"alpha": 0.25, "smoothing": 0, "gamma": 2, "reduction": "mean"}, value)

for alpha, gamma in ((0.25, 2.0), (0.5, 1.0)):
    value = keras.losses.CategoricalFocalCrossentropy(alpha=alpha, gamma=gamma, from_logits=True)(one_hot, logits)
    case("Keras", f"keras.losses.CategoricalFocalCrossentropy(alpha={alpha}, gamma={gamma}, from_logits=True)(one_hot, z)",
         "softmax", {"alpha": [alpha] * C, "gamma": gamma, "reduction": "mean"}, value)
    value = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=alpha, gamma=gamma, from_logits=True)(one_hot, logits)
    case("Keras", f"keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha={alpha}, gamma={gamma}, "
         "from_logits=True)(one_hot, z)", "sigmoid", {"alpha": alpha, "smoothing": 0, "gamma": gamma, "reduction": "mean"}, value)
value = keras.losses.BinaryFocalCrossentropy(from_logits=True)(one_hot, logits)
case("Keras", "keras.losses.BinaryFocalCrossentropy(from_logits=True)(one_hot, z)", "sigmoid",
     {"alpha": None, "smoothing": 0, "gamma": 2, "reduction": "mean"}, value)

for alpha, gamma in ((None, 2.0), (0.25, 2.0), (0.7, 0.5)):
    value = optax.sigmoid_focal_loss(logits, one_hot, alpha=alpha, gamma=gamma).mean()
    case("optax", f"optax.sigmoid_focal_loss(z, one_hot, alpha={alpha}, gamma={gamma}).mean()", "sigmoid",
         {"alpha": alpha, "smoothing": 0, "gamma": gamma, "reduction": "mean"}, value)

value = torch.nn.CrossEntropyLoss()(z.double(), y)
case("PyTorch", "torch.nn.CrossEntropyLoss()(z, y)", "softmax", {"gamma": 0, "reduction": "mean"}, value)
value = torch.nn.BCEWithLogitsLoss()(z.double(), t.double())
case("PyTorch", "torch.nn.BCEWithLogitsLoss()(z, one_hot)", "sigmoid",
     {"alpha": None, "smoothing": 0, "gamma": 0, "reduction": "mean"}, value)

# to a file, as some of these libraries print when they are loaded
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "presets.json"), "w") as file:
    json.dump({"logits": [float(x) for x in logits.ravel()], "targets": [int(x) for x in targets], "cases": cases}, file, indent=1)
    file.write("\n")
