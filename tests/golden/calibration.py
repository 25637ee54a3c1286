"""Calibration figures of seeded answers, by scikit-learn where it has the figure.

    pip install scikit-learn && python tests/golden/calibration.py > tests/golden/calibration.json
"""

import json
import random

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score


def ece(right, confidence):
    """Weighted by hand from scikit-learn's reliability curve, which leaves empty bins out."""
    mean_right, mean_confidence = calibration_curve(right, confidence, n_bins=10, strategy="uniform")
    edges = np.linspace(0.0, 1.0, 11)
    place = np.searchsorted(edges[1:-1], confidence)
    counts = np.bincount(place, minlength=10)
    counts = counts[counts > 0]
    return float(np.sum(counts / len(right) * np.abs(mean_right - mean_confidence)))


def aurc(right, confidence):
    """Slow twin: the mean over random orders of ties, which converges to the mean over all orders."""
    order = random.Random(0)
    total, rounds = 0.0, 4000
    for _ in range(rounds):
        keyed = sorted(zip(confidence, right), key=lambda pair: (-pair[0], order.random()))
        wrong = np.cumsum([not r for _, r in keyed])
        total += float(np.mean(wrong / np.arange(1, len(keyed) + 1)))
    return total / rounds


def case(name, n, confidence, chance, seed):
    rng = random.Random(seed)
    c = [confidence(rng) for _ in range(n)]
    y = [rng.random() < chance(x) for x in c]
    return {
        "name": name,
        "confidence": c,
        "right": y,
        "ece": ece(y, c),
        "brier": float(brier_score_loss(y, c)),
        "auroc": float(roc_auc_score(y, c)),
        "aurc": aurc(y, c),
    }


CASES = [
    case("calibrated", 60, lambda r: round(r.random(), 6), lambda c: c, 1),
    case("too sure", 80, lambda r: round(0.6 + 0.4 * r.random(), 6), lambda c: c - 0.4, 2),
    case("deciles, many ties", 50, lambda r: r.randrange(10) / 10 + 0.05, lambda c: c, 3),
    case("upside down", 40, lambda r: round(r.random(), 6), lambda c: 1 - c, 4),
    case("two values", 30, lambda r: 0.95 if r.random() < 0.7 else 0.15, lambda c: 0.5, 5),
]
print("[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]")
