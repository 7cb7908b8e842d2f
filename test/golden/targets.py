"""
Losses of every kind of target, from the libraries that define them, in float64 with gradients:

    KERAS_BACKEND=torch python test/golden/targets.py > test/golden/targets.json

Needs torch, torchvision, timm, keras, optax and jax. Logits are multiples of 1/64 and targets of 1/16, so that they are the same
numbers in float32.
"""

import importlib.metadata
import itertools
import json
import os

os.environ["KERAS_BACKEND"] = "torch"
import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import keras
import numpy as np
import optax
import torch
import torch.nn.functional as F
from timm.loss import AsymmetricLossMultiLabel
from torchvision.ops import sigmoid_focal_loss

# Keras computes in float32 all the same; nothing is cut off; what is compared is the formula
keras.config.set_epsilon(1e-300)
rng = np.random.default_rng(20261127)

SHAPES = [(6, 1), (4, 2), (5, 3), (3, 8), (2, 33), (2, 4, 3), (1, 2, 5), (2, 1, 4)]
MANY = [shape for shape in SHAPES if shape[1] > 1]
GAMMAS = [0, 0.5, 1, 2, 3.5]


def draw_logits(dims, scale=3.0):
    return np.round(rng.normal(size=dims) * scale * 64) / 64


def multi_hot(dims):
    return (rng.random(dims) < 0.4).astype(np.float64)


def soft(dims):
    """One in three is 0 or 1."""
    t = rng.integers(0, 17, size=dims) / 16
    return np.where(rng.random(dims) < 0.3, np.round(t), t)


def mixup(dims):
    """Rows that sum to 1, of two classes."""
    batch, classes, *rest = dims
    t = np.zeros(dims)
    for at in np.ndindex(batch, *rest):
        b, d = at[0], at[1:]
        share = rng.integers(0, 17) / 16
        for c, w in [(rng.integers(classes), share), (rng.integers(classes), 1 - share)]:
            t[(b, c, *d)] += w
    return t


def labels(dims, ignored=0.0):
    batch, classes, *rest = dims
    y = rng.integers(0, classes, size=(batch, *rest))
    return np.where(rng.random(y.shape) < ignored, -100, y)


def class_weights(classes):
    return rng.integers(1, 16, size=classes) / 16


def plain(x):
    return [float(v) if v != int(v) else int(v) for v in np.asarray(x, dtype=np.float64).reshape(-1)]


def case(source, loss, options, logits, targets, value, grad, **more):
    value = plain(value) if np.ndim(value) else float(value)
    return {
        "from": source, "loss": loss, "options": options, "dims": list(logits.shape), "logits": plain(logits),
        "targets": plain(targets), "targetDims": list(targets.shape), "value": value, "grad": plain(grad), **more,
    }  # fmt: skip


def with_torch(logits, function):
    """Value, and the gradient of its sum."""
    z = torch.tensor(logits, requires_grad=True)
    value = function(z)
    value.sum().backward()
    return value.detach().numpy(), z.grad.numpy()


def with_jax(logits, function):
    return np.asarray(function(logits)), np.asarray(jax.grad(lambda z: function(z).sum())(jnp.asarray(logits)))


def torchvision_cases():
    alpha = itertools.cycle([0.25, 0.75, -1, 0.5])
    reduction = itertools.cycle(["none", "mean", "sum"])
    for dims, gamma, draw in itertools.product(SHAPES, GAMMAS, [multi_hot, soft]):
        a, r = next(alpha), next(reduction)
        z, t = draw_logits(dims), draw(dims)
        out = with_torch(z, lambda x: sigmoid_focal_loss(x, torch.tensor(t), a, gamma, r))
        options = {"gamma": gamma, "alpha": a, "smoothing": 0, "reduction": r}
        yield case("torchvision", "sigmoid", options, z, t, *out)
    # RetinaNet and mmdet: one label an anchor, of which C is the background; the sum is divided by the positives
    for dims, gamma, kept in itertools.product(MANY, [1.5, 2], [0.2, 0.7]):
        z, y = draw_logits(dims), labels(dims)
        y = np.where(rng.random(y.shape) < kept, y, dims[1])
        hot = np.moveaxis(np.eye(dims[1] + 1)[y][..., :-1], -1, 1)
        positives = max(1, (y < dims[1]).sum())
        out = with_torch(z, lambda x: sigmoid_focal_loss(x, torch.tensor(hot), 0.25, gamma, "sum") / positives)
        options = {"gamma": gamma, "smoothing": 0, "background": dims[1], "divisor": "positives"}
        yield case("torchvision", "sigmoid", options, z, y, *out)


def torch_cases():
    smoothing = itertools.cycle([0, 0.1, 0.25])
    reduction = itertools.cycle(["none", "mean", "sum", "mean"])
    for dims, draw, weighted in itertools.product(MANY, [labels, soft, mixup, labels, mixup, soft], [False, True]):
        e, r = next(smoothing), next(reduction)
        z = draw_logits(dims)
        index = draw is labels
        t = labels(dims, 0.2) if index else draw(dims)
        w = class_weights(dims[1]) if weighted else None
        weight = None if w is None else torch.tensor(w)
        out = with_torch(z, lambda x: F.cross_entropy(x, torch.tensor(t), weight, label_smoothing=e, reduction=r))
        options = {"gamma": 0, "alpha": None if w is None else plain(w), "labelSmoothing": e, "reduction": r}
        # PyTorch divides by the weights for class indices, by the number of samples for soft targets
        if r == "mean" and index:
            options["divisor"] = "weights"
        if index and r == "mean" and (t == -100).all():
            continue
        yield case("PyTorch", "softmax", options, z, t, *out)
    for dims, draw in itertools.product(MANY, [labels, soft]):
        z, t = draw_logits(dims), draw(dims)
        each = rng.integers(0, 9, size=t.shape[:1] + t.shape[2:] if draw is soft else t.shape) / 4
        total = each.sum()

        def weighted(x):
            losses = F.cross_entropy(x, torch.tensor(t), reduction="none")
            return (losses * torch.tensor(each)).sum() / total

        if total > 0 and draw is labels:
            options = {"gamma": 0, "divisor": "weights"}
            yield case("PyTorch", "softmax", options, z, t, *with_torch(z, weighted), weights=plain(each))
        out = with_torch(z, lambda x: weighted(x) * total)
        yield case("PyTorch", "softmax", {"gamma": 0, "reduction": "sum"}, z, t, *out, weights=plain(each))


def timm_cases():
    reduction = itertools.cycle(["sum", "none"])
    settings = [(0, 4, 0), (1, 4, 0), (0, 4, 0.05), (1, 2, 0.05), (0, 0, 0.2), (2, 2, 0.05), (0, 2.5, 0.1)]
    for dims, (positive, negative, clip) in itertools.product([s for s in SHAPES if len(s) == 2], settings):
        z, t = draw_logits(dims), multi_hot(dims)
        r = next(reduction)
        loss = AsymmetricLossMultiLabel(negative, positive, clip, eps=1e-300, reduction=r)
        options = {"gamma": positive, "gammaNegative": negative, "clip": clip, "alpha": None, "smoothing": 0}
        yield case("timm", "sigmoid", {**options, "reduction": r}, z, t, *with_torch(z, lambda x: loss(x, torch.tensor(t))))
        # as class indices
        if dims[1] > 1:
            y = labels(dims)
            hot = torch.tensor(np.eye(dims[1])[y])
            yield case("timm", "sigmoid", {**options, "reduction": r}, z, y, *with_torch(z, lambda x: loss(x, hot)))


def keras_cases():
    for dims, gamma, draw in itertools.product([s for s in SHAPES if len(s) == 2], [0, 1, 2, 3.5], [multi_hot, soft]):
        z, t = draw_logits(dims, 2), draw(dims)
        binary = keras.losses.BinaryFocalCrossentropy(True, 0.25, gamma, from_logits=True)
        out = with_torch(z, lambda x: binary(torch.tensor(t), x))
        yield case("Keras", "sigmoid", {"gamma": gamma, "alpha": 0.25, "smoothing": 0}, z, t, *out)
        if dims[1] > 1:
            t = mixup(dims)
            alpha = [float(a) for a in class_weights(dims[1])]
            categorical = keras.losses.CategoricalFocalCrossentropy(alpha, gamma, from_logits=True)
            out = with_torch(z, lambda x: categorical(torch.tensor(t), x))
            yield case("Keras", "softmax", {"gamma": gamma, "alpha": alpha}, z, t, *out)


def optax_cases():
    for dims, gamma, draw in itertools.product(SHAPES, [0, 0.5, 2, 3], [multi_hot, soft]):
        z, t = draw_logits(dims), draw(dims)
        a = None if gamma == 0.5 else 0.75
        out = with_jax(z, lambda x: optax.sigmoid_focal_loss(x, jnp.asarray(t), alpha=a, gamma=gamma))
        options = {"gamma": gamma, "alpha": a, "smoothing": 0, "reduction": "none"}
        yield case("optax", "sigmoid", options, z, t, *out)
    for dims, draw in itertools.product(MANY, [soft, mixup]):
        z, t = draw_logits(dims), draw(dims)
        out = with_jax(z, lambda x: optax.softmax_cross_entropy(jnp.moveaxis(x, 1, -1), jnp.moveaxis(jnp.asarray(t), 1, -1)))
        yield case("optax", "softmax", {"gamma": 0, "reduction": "none"}, z, t, *out)


def main():
    names = ["torch", "torchvision", "timm", "keras", "optax"]
    made = ", ".join(f"{name} {importlib.metadata.version(name).split('+')[0]}" for name in names)
    cases = list(
        itertools.chain(torchvision_cases(), torch_cases(), timm_cases(), keras_cases(), optax_cases())
    )
    print("{")
    print(f' "made": "test/golden/targets.py with {made}",')
    print(' "cases": [')
    print(",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases))
    print(" ]\n}")


main()
