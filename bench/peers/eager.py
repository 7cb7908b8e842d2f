"""Both focal losses (gamma = 2, mean) in eager PyTorch, one thread, in the steps in which such modules are written.

Speaks the protocol told in limit.c, and answers `version` with the version of PyTorch, or why it is absent.
"""

import json
import sys
import time

try:
    import numpy as np
    import torch
    import torch.nn.functional as F

    absent = None
except ImportError as error:
    absent = str(error)

GAMMA, ALPHA, SMOOTHING, IGNORE = 2.0, 0.25, 1e-3, -100


def rows_of(logits, labels):
    """[B, C, D] to [B·D, C] with a copy, then without the ignored samples."""
    if logits.dim() > 2:
        logits = logits.transpose(1, 2).reshape(-1, logits.size(1))
        labels = labels.reshape(-1)
    valid = labels != IGNORE
    return logits[valid], labels[valid]


def softmax_loss(logits, labels):
    logits, labels = rows_of(logits, labels)
    ce = -F.log_softmax(logits, dim=-1).gather(1, labels[:, None]).squeeze(1)
    return ((1 - torch.exp(-ce)) ** GAMMA * ce).mean()


def sigmoid_loss(logits, labels):
    logits, labels = rows_of(logits, labels)
    hot = F.one_hot(labels, num_classes=logits.size(1)).float()
    ce = F.binary_cross_entropy_with_logits(logits, hot, reduction="none")
    p = torch.sigmoid(logits) * (1 - SMOOTHING) + SMOOTHING / 2
    truth = p * hot + (1 - p) * (1 - hot)
    alpha = ALPHA * hot + (1 - ALPHA) * (1 - hot)
    return (alpha * (ce * (1 - truth) ** GAMMA)).mean()


LOSSES = {"softmax": softmax_loss, "sigmoid": sigmoid_loss}


def value(loss, logits, labels):
    with torch.no_grad():
        return LOSSES[loss](logits, labels)


def value_and_grad(loss, logits, labels):
    leaf = logits.detach().requires_grad_()
    result = LOSSES[loss](leaf, labels)
    (grad,) = torch.autograd.grad(result, leaf)
    return result, grad


def main():
    if not absent:
        torch.set_num_threads(1)
    for line in sys.stdin:
        command, *words = line.split()
        answer = {}
        if command == "version":
            answer = {"absent": absent} if absent else {"version": torch.__version__}
        elif command == "load":
            name, (batch, classes, positions) = words[0], map(int, words[1:])
            raw = np.fromfile(name, dtype=np.float32)
            size, tail = batch * classes * positions, (positions,) if positions > 1 else ()
            logits = torch.from_numpy(raw[:size].reshape(batch, classes, *tail))
            labels = torch.from_numpy(raw[size:].view(np.int32).astype(np.int64).reshape(batch, *tail))
        elif command == "check":
            if len(words) > 1:
                result, grad = value_and_grad(words[0], logits, labels)
                grad.contiguous().numpy().tofile(words[1])
            else:
                result = value(words[0], logits, labels)
            answer = {"value": result.item()}
        elif command == "time":
            run, ns = value_and_grad if words[1] == "1" else value, []
            for _ in range(int(words[2])):
                start = time.perf_counter_ns()
                run(words[0], logits, labels)
                ns.append(time.perf_counter_ns() - start)
            answer = {"ns": ns}
        print(json.dumps(answer), flush=True)


main()
