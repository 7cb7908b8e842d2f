"""Golden vectors: what PyTorch gives for the two losses whose formulas this package implements, and for class weights.

    python3 losses.py > losses.json          (needs torch, and numpy on x86)

A case records how its input is drawn (see Random, whose twin is test/random.ts), the options, and what PyTorch answers
in float64 ("double") and in float32 ("single"). Where float64 PyTorch itself loses digits, because its formula takes
1 - p of a rounded p, the answer of the same formula in extended precision is recorded too ("exact").
An array is recorded as its length, the sum of its absolute values ("total"), and its values at the places of `picked`.
"""

import itertools
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class MultiClassFocalLoss(nn.Module):
    """The softmax variant."""

    def __init__(self, gamma=2.0, alpha=None, reduction="mean", ignore_index=-100):
        super().__init__()
        self.gamma = gamma
        self.alpha = alpha
        self.reduction = reduction
        self.ignore_index = ignore_index

    def forward(self, logits, targets):
        if logits.dim() > 2:
            logits = logits.view(logits.size(0), logits.size(1), -1)
            logits = logits.transpose(1, 2)
            logits = logits.contiguous().view(-1, logits.size(-1))
            targets = targets.view(-1)
        valid_mask = targets != self.ignore_index
        targets = targets[valid_mask]
        logits = logits[valid_mask]
        if targets.numel() == 0:
            return torch.tensor(0.0).to(logits.device)
        log_softmax = F.log_softmax(logits, dim=-1)
        ce_loss = -log_softmax.gather(1, targets.view(-1, 1)).squeeze()
        pt = torch.exp(-ce_loss)
        focal_term = (1 - pt) ** self.gamma
        if self.alpha is not None:
            alpha = self.alpha.to(logits.device)[targets]
            focal_loss = alpha * focal_term * ce_loss
        else:
            focal_loss = focal_term * ce_loss
        if self.reduction == "mean":
            return focal_loss.mean()
        elif self.reduction == "sum":
            return focal_loss.sum()
        else:
            return focal_loss

    @staticmethod
    def compute_class_weights(class_rates, beta=1.0):
        alpha = 1.0 / class_rates**beta
        alpha = alpha / alpha.mean()
        return alpha


class FocalLoss(nn.Module):
    """The one-vs-rest variant, over rows. alpha may also be a tensor [C], which broadcasts over the samples."""

    def __init__(self, alpha=0.25, gamma=2, reduction="mean", ignore_index=-100):
        super().__init__()
        self.alpha = alpha
        self.gamma = gamma
        self.reduction = reduction
        self.ignore_index = ignore_index

    def forward(self, inputs, targets):
        mask = targets != self.ignore_index
        targets = targets[mask]
        inputs = inputs[mask, :]
        if targets.numel() == 0:
            return torch.tensor(0.0, device=inputs.device)
        targets = F.one_hot(targets, num_classes=inputs.size(1)).to(inputs.dtype)
        ce_loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
        p = torch.sigmoid(inputs)
        smooth_factor = 0.001
        smooth_p = p * (1 - smooth_factor) + smooth_factor / 2
        p_t = smooth_p * targets + (1 - smooth_p) * (1 - targets)
        loss = ce_loss * ((1 - p_t) ** self.gamma)
        if self.alpha is not None and (torch.is_tensor(self.alpha) or self.alpha > 0):
            alpha_t = self.alpha * targets + (1 - self.alpha) * (1 - targets)
            focal_loss = alpha_t * loss
        else:
            focal_loss = loss
        if self.reduction == "mean":
            return focal_loss.mean()
        elif self.reduction == "sum":
            return focal_loss.sum()
        return focal_loss


class Random:
    """mulberry32; every number drawn goes through exact operations only, so that JavaScript draws the same."""

    def __init__(self, seed):
        self.seed = seed
        self.drawn = 0

    def uniforms(self, n):
        """n numbers in [0, 1)."""
        k = np.arange(self.drawn + 1, self.drawn + n + 1, dtype=np.uint64)
        self.drawn += n
        a = ((np.uint64(self.seed) + k * np.uint64(0x6D2B79F5)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        t = (a ^ (a >> np.uint32(15))) * (a | np.uint32(1))
        t = (t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))) ^ t
        return (t ^ (t >> np.uint32(14))).astype(np.float64) / 4294967296.0

    def logits(self, n, scale, offset):
        """Bell-shaped about offset, within 2 · scale of it; float32."""
        u = self.uniforms(4 * n).reshape(n, 4)
        return ((((u[:, 0] + u[:, 1]) + u[:, 2]) + u[:, 3] - 2.0) * scale + offset).astype(np.float32)

    def labels(self, n, classes):
        return np.floor(self.uniforms(n) * classes).astype(np.int64)

    def weights(self, n):
        """Sixteenths from 1/16 to 15/16."""
        return (1.0 + np.floor(self.uniforms(n) * 15.0)) / 16.0


def draw(case):
    """Logits, targets, class weights and upstream of a case. Each has a stream of its own."""
    dims = case["dims"]
    batch, classes, *rest = dims
    positions = int(np.prod(rest, dtype=np.int64))
    samples = batch * positions
    if "logits" in case:
        logits = np.array([float(z) for z in case["logits"]], dtype=np.float32)
        targets = np.array(case["targets"], dtype=np.int64)
    else:
        seed = case["seed"]
        logits = Random(seed).logits(batch * classes * positions, case["scale"], case["offset"])
        targets = Random(seed + 1).labels(samples, classes)
        if case["boost"]:
            for i, y in enumerate(targets):
                b, d = divmod(i, positions)
                at = (b * classes + y) * positions + d
                logits[at] = np.float32(np.float64(logits[at]) + case["boost"])
        ignored = Random(seed + 2).uniforms(samples) < case["ignored"]
        targets[ignored] = case["ignoreIndex"]
    alpha = case["alpha"]
    if alpha == "classes":
        alpha = Random(case["seed"] + 3).weights(classes)
    upstream = case.get("upstream")
    if upstream == "samples":
        upstream = Random(case["seed"] + 4).weights(samples).reshape([batch, *rest])
    return logits.reshape(dims), targets.reshape([batch, *rest]), alpha, upstream


def torch_run(case, dtype):
    """The module's answer as a flat array ('none') or a number, and the gradient where the case wants one."""
    z, y, alpha, upstream = draw(case)
    logits = torch.tensor(z, dtype=dtype, requires_grad=case["gradient"])
    targets = torch.tensor(y)
    if isinstance(alpha, np.ndarray):
        alpha = torch.tensor(alpha, dtype=dtype)
    options = dict(gamma=case["gamma"], alpha=alpha, reduction=case["reduction"], ignore_index=case["ignoreIndex"])
    if case["loss"] == "softmax":
        out = MultiClassFocalLoss(**options)(logits, targets)
    else:
        classes = logits.size(1)
        rows = logits.movedim(1, -1).reshape(-1, classes)
        out = FocalLoss(**options)(rows, targets.view(-1))
    valid = targets.view(-1) != case["ignoreIndex"]
    if case["reduction"] == "none" and not valid.any():
        out = torch.zeros(0, dtype=dtype)
    grad = None
    if case["gradient"]:
        total = out
        if isinstance(upstream, np.ndarray):
            weight = torch.tensor(upstream, dtype=dtype).view(-1)[valid]
            total = out * (weight if case["loss"] == "softmax" else weight[:, None])
        elif upstream is not None:
            total = out * upstream
        total = total.sum()
        if total.requires_grad:
            total.backward()
            grad = logits.grad.numpy().astype(np.float64).reshape(-1)
        else:
            grad = np.zeros(z.size)
    out = out.detach().numpy()
    return (out.reshape(-1) if case["reduction"] == "none" else out.reshape(()).item()), grad


def exact_run(case):
    """The same formulas in 64-bit precision (x87 long double), with 1 - p taken as the probability of the other side."""
    z, y, alpha, upstream = draw(case)
    classes = case["dims"][1]
    rows = np.moveaxis(z, 1, -1).reshape(-1, classes).astype(np.longdouble)
    valid = y.reshape(-1) != case["ignoreIndex"]
    true = np.arange(classes) == y.reshape(-1, 1)[valid]
    rows = rows[valid]
    gamma = np.longdouble(case["gamma"])
    # w^(γ − 1) is only ever met times something that tends to 0 faster
    power = lambda w, g: np.where(w > 0, np.where(w > 0, w, 1) ** g, 1 if g == 0 else 0)
    if case["loss"] == "softmax":
        weight = 1 if alpha is None else alpha[y.reshape(-1)[valid]]
        e = np.exp(rows - rows.max(axis=1, keepdims=True)) if len(rows) else rows
        total = e.sum(axis=1)
        mine, others = (e * true).sum(axis=1), (e * ~true).sum(axis=1)
        p, wrong = mine / total, others / total
        with np.errstate(divide="ignore"):
            gap = rows.max(axis=1, initial=-np.inf) - (rows * true).sum(axis=1)
            ce = np.where(mine > others, np.log1p(others / np.where(mine > 0, mine, 1)), gap + np.log(total))
        losses = weight * power(wrong, gamma) * ce
        slope = -weight * (power(wrong, gamma) + gamma * p * power(wrong, gamma - 1) * ce)
        grad = slope[:, None] * np.where(true, wrong[:, None], -e / total[:, None])
    else:
        s = np.longdouble(0.001)
        weight = 1
        if isinstance(alpha, np.ndarray) or (alpha is not None and alpha > 0):
            weight = np.where(true, alpha, 1 - alpha)
        x = np.where(true, rows, -rows)
        p, q = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x))
        ce = np.maximum(-x, 0) + np.log1p(np.exp(-np.abs(x)))
        wrong = q * (1 - s) + s / 2
        losses = weight * wrong**gamma * ce
        slope = weight * (-(wrong**gamma) * q - gamma * wrong ** (gamma - 1) * (1 - s) * p * q * ce)
        grad = np.where(true, slope, -slope)
    scale = np.longdouble(1)
    if isinstance(upstream, np.ndarray):
        scale = upstream.reshape(-1)[valid][:, None]
    elif upstream is not None:
        scale = upstream
    divisor = max(losses.size, 1) if case["reduction"] == "mean" else 1
    full = np.zeros((len(valid), classes), dtype=np.longdouble)
    full[valid] = grad * scale / divisor
    batch, _, *rest = case["dims"]
    grad = np.moveaxis(full.reshape([batch, *rest, classes]), -1, 1).reshape(-1).astype(np.float64)
    return (losses.reshape(-1).astype(np.float64) if case["reduction"] == "none" else float(losses.sum() / divisor)), grad


PICKED = 12


def picked(length):
    """Places of an array that are recorded: all of a short one, else evenly spread ones."""
    if length <= PICKED:
        return list(range(length))
    return [k * (length - 1) // (PICKED - 1) for k in range(PICKED)]


def number(v):
    """JSON has no NaN and no infinities: they are recorded as strings."""
    v = float(v)
    if np.isnan(v):
        return "NaN"
    if np.isinf(v):
        return "Infinity" if v > 0 else "-Infinity"
    return int(v) if v == int(v) and abs(v) < 1e15 else v


def record(value, single=False):
    """A number, or an array's length, total and picked values. float32 in the digits that tell it from the next one."""
    write = (lambda v: number(str(np.float32(v)))) if single else number
    if not isinstance(value, np.ndarray):
        return write(value)
    total = np.abs(value.astype(np.float64)).sum()
    return {"length": len(value), "total": number(total), "values": [write(value[i]) for i in picked(len(value))]}


def agrees(a, b):
    """Whether a is b to 1e-12, or both are too small for float32 to matter."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return bool(np.all(np.abs(a - b) <= 1e-12 * np.abs(b) + 1e-50))


def answer(case):
    double, double_grad = torch_run(case, torch.float64)
    single, _ = torch_run({**case, "gradient": False}, torch.float32)
    case["double"] = record(double)
    case["single"] = record(single, single=True)
    if case["gradient"]:
        case["grad"] = record(double_grad)
    if "logits" in case and not np.isfinite([float(z) for z in case["logits"]]).all():
        return case
    exact, exact_grad = exact_run(case)
    if not agrees(double, exact):
        case["exact"] = record(exact)
    if case["gradient"] and not agrees(double_grad, exact_grad):
        case["exactGrad"] = record(exact_grad)
    return case


ROWS = [(1, 1), (5, 1), (1, 2), (64, 2), (33, 3), (7, 4), (40, 5), (31, 7), (64, 10), (17, 16), (19, 17), (12, 21)]
ROWS += [(9, 33), (8, 100), (5, 128), (3, 151), (4, 300), (2, 999), (1, 1000), (3, 1000)]
PLANES = [(2, 1, 3), (1, 2, 5), (2, 3, 7), (3, 4, 1), (2, 10, 49), (1, 21, 16), (2, 150, 3), (1, 1000, 2)]
PLANES += [(2, 5, 3, 4), (1, 2, 8, 8), (2, 17, 3, 3), (1, 100, 2, 2), (1, 1000, 1, 2)]
PLANES += [(2, 3, 2, 3, 2), (1, 5, 2, 2, 2), (3, 2, 1, 4, 3), (1, 33, 2, 1, 5)]
GAMMAS = [0, 0.3, 0.5, 1, 1.5, 2, 3, 5]


def cycle(values):
    return itertools.cycle(values).__next__


def drawn_cases(gradient, per_shape, seed):
    """Every shape with both losses; the other options go round at coprime paces, so that they meet in all pairings."""
    gamma = cycle(GAMMAS + [2])
    scale = cycle([1, 0.1, 3, 10, 1, 30, 100])
    offset = cycle([0, 0, -20, 0, 80])
    boost = cycle([0, 4, 0, 0, 12, 0, 0, 0, 25, 0, 4])
    ignored = cycle([0, 0.2, 0, 0.5])
    label = cycle([-100, -100, 255, 0, -1, -100, -100])
    reduction = cycle(["mean", "sum", "none", "mean", "none"])
    softmax_alpha = cycle([None, "classes", None, "classes", None, "classes", "classes"])
    sigmoid_alpha = cycle([0.25, None, "classes", 0.75, 0, 0.25, "classes"])
    upstream = cycle([None, "samples", 0.5, "samples"])
    for dims in ROWS + PLANES:
        for loss in ["softmax", "sigmoid"]:
            for _ in range(per_shape):
                seed += 16
                case = {"loss": loss, "dims": list(dims), "seed": seed, "gradient": gradient}
                case |= {"scale": scale(), "offset": offset(), "boost": boost(), "ignored": ignored()}
                case |= {"gamma": gamma(), "alpha": softmax_alpha() if loss == "softmax" else sigmoid_alpha()}
                case |= {"reduction": reduction(), "ignoreIndex": label()}
                if gradient:
                    weight = upstream()
                    case["upstream"] = 0.5 if weight == "samples" and case["reduction"] != "none" else weight
                yield case


def nothing_valid():
    """Empty inputs, and inputs all of whose samples are ignored."""
    for loss, reduction in itertools.product(["softmax", "sigmoid"], ["mean", "sum", "none"]):
        for dims in [(0, 5), (0, 1), (6, 4), (2, 3, 7), (2, 3, 2, 2)]:
            yield {
                "loss": loss, "dims": list(dims), "seed": 7, "gradient": False, "scale": 1, "offset": 0, "boost": 0,
                "ignored": 1, "gamma": 2, "alpha": None, "reduction": reduction, "ignoreIndex": -100,
            }  # fmt: skip


INF = "Infinity"
SPECIAL = [
    # loss, C, logits, targets
    ("softmax", 2, [0, 0, 1, 1, -1, -1], [0, 1, 0]),
    ("softmax", 3, [100, 0, -100, 0, 100, -100, -100, 0, 100], [0, 0, 0]),
    ("softmax", 2, [20, 0, 30, 0, 0, 40, 88, 0, 0, 104], [0, 0, 0, 0, 0]),
    ("softmax", 2, [1000, 0, 0, 1000], [1, 0]),
    ("softmax", 3, [3e38, 3e38, 3e38, -1e38, 1e38, -1e38], [0, 2]),
    ("softmax", 4, [1e-30, -1e-30, 0, 1e-40, -1e-45, 0, 0, 0], [3, 0]),
    ("softmax", 3, [1, "-Infinity", 2, "-Infinity", 0, "-Infinity"], [0, 1]),
    ("softmax", 3, [1, "-Infinity", 2], [1]),
    ("softmax", 2, ["-Infinity", "-Infinity"], [1]),
    ("softmax", 3, [1, INF, 2], [1]),
    ("softmax", 3, [1, INF, 2], [0]),
    ("softmax", 3, [1, 2, "NaN"], [0]),
    ("softmax", 3, ["NaN", INF, "-Infinity", 1, 2, 3], [-100, 0]),
    ("sigmoid", 2, [0, 0, 1, -1, -1, 1], [0, 1, 0]),
    ("sigmoid", 2, [20, -20, -20, 20, 40, -40, -40, 40], [0, 0, 1, 1]),
    ("sigmoid", 1, [88, -88, 104, -104, 1000, -1000], [0, 0, 0, 0, 0, 0]),
    ("sigmoid", 3, [1e-30, -1e-30, 0, 1e-40, -1e-45, 0], [0, 1]),
    ("sigmoid", 3, [1, "NaN", 2], [0]),
    ("sigmoid", 3, ["NaN", INF, "-Infinity", 1, 2, 3], [-100, 0]),
]


def special_cases():
    for (loss, classes, logits, targets), gamma in itertools.product(SPECIAL, [0, 0.5, 2]):
        for reduction in ["sum", "none"]:
            yield {
                "loss": loss, "dims": [len(targets), classes], "logits": logits, "targets": targets, "gradient": False,
                "gamma": gamma, "alpha": None, "reduction": reduction, "ignoreIndex": -100,
            }  # fmt: skip


def special_gradients():
    """Gaps where 1 - p rounds to 0 and autograd gives NaN for γ < 1, and classes that are impossible."""
    finite = [entry for entry in SPECIAL if all(isinstance(z, (int, float)) for z in entry[2])]
    for (loss, classes, logits, targets), gamma in itertools.product(finite, [0, 0.3, 2, 5]):
        if max(map(abs, logits)) > 1e30:
            continue
        yield {
            "loss": loss, "dims": [len(targets), classes], "logits": logits, "targets": targets, "gradient": True,
            "gamma": gamma, "alpha": None, "reduction": "none", "ignoreIndex": -100, "upstream": None,
        }  # fmt: skip
    for gamma in [0, 1, 2]:
        yield {
            "loss": "softmax", "dims": [1, 3], "logits": [1, "-Infinity", 2], "targets": [0], "gradient": True,
            "gamma": gamma, "alpha": None, "reduction": "sum", "ignoreIndex": -100, "upstream": None,
        }  # fmt: skip


def class_weights():
    for rates in [[0.5, 0.5], [0.9, 0.1], [641, 640, 101, 53, 26], [1], [1e-6, 0.3, 0.7], [3, 1e5, 20, 7, 7, 1e-3]]:
        for beta in [0, 0.5, 1, 2]:
            out = {}
            for name, dtype in [("double", torch.float64), ("single", torch.float32)]:
                weights = MultiClassFocalLoss.compute_class_weights(torch.tensor(rates, dtype=dtype), beta)
                out[name] = [number(str(v)) for v in weights.numpy()]
            yield {"rates": rates, "beta": beta, **out}


def main():
    forward = itertools.chain(drawn_cases(False, 4, 1000), nothing_valid(), special_cases())
    gradient = itertools.chain(drawn_cases(True, 3, 900000), special_gradients())
    lists = {
        "forward": [answer(case) for case in forward],
        "gradient": [answer(case) for case in gradient],
        "classWeights": list(class_weights()),
    }
    for case in lists["forward"] + lists["gradient"]:
        del case["gradient"]
    print("{")
    version = torch.__version__.split("+")[0]
    print(f' "made": "test/golden/losses.py with PyTorch {version}",')
    for i, (name, cases) in enumerate(lists.items()):
        lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
        print(f' "{name}": [\n{lines}\n ]{"," if i + 1 < len(lists) else ""}')
        print(f"{name}: {len(cases)} cases, {sum('exact' in c or 'exactGrad' in c for c in cases)} exact", file=sys.stderr)
    print("}")


main()
