"""Losses, gradients and optimizer steps of the golden files, for any net that maps ids [B, T] to logits [B, T, V].

Knows nothing of architectures and files: make_golden.py passes the library model (float32) and the slow twin (float64)
through the same functions. Every [B, T] array is aligned with the ids: entry t speaks of token t given the tokens
before it, so entry 0 is always 0.
"""

import torch
import torch.nn.functional as F


class Net:
    """A forward function and its named parameters (leaf tensors, in a fixed order)."""

    def __init__(self, forward, parameters):
        self.forward, self.parameters = forward, dict(parameters)

    def zero_grad(self):
        for p in self.parameters.values():
            p.grad = None


def logprobs_and_entropies(net, ids):
    """log pi(token t | before) and the entropy (nats) of that same distribution, both [B, T], 0 at t = 0."""
    logp = F.log_softmax(net.forward(ids)[:, :-1], dim=-1)
    token = logp.gather(-1, ids[:, 1:, None])[..., 0]
    return F.pad(token, (1, 0)), F.pad(-(logp.exp() * logp).sum(-1), (1, 0))


def sft_loss(net, ids, mask):
    """Cross-entropy, mean over the tokens whose mask is 1."""
    token, _ = logprobs_and_entropies(net, ids)
    mask = mask.to(token.dtype)
    return -(token * mask).sum() / mask.sum()


def group_advantages(rewards, epsilon):
    """(R - mean) / (s + epsilon) with s the sample (n - 1) standard deviation of the group."""
    return (rewards - rewards.mean()) / (rewards.std() + epsilon)


def grpo(net, case):
    """The clipped objective with the k3 penalty, token by token; `case` holds the inputs as tensors of the net's dtype.

    r = exp(logp - old);  P = min(r A, clip(r, 1 - low, 1 + high) A);  x = ref - logp;  k3 = e^x - x - 1
    token loss = -P + beta k3;  "dapo" = sum over active tokens / number of active tokens of the batch.
    """
    logp, entropy = logprobs_and_entropies(net, case["ids"])
    mask = case["mask"].to(logp.dtype)
    ratio = (logp - case["old"]).exp()
    clipped = ratio.clamp(1 - case["low"], 1 + case["high"])
    advantage = case["advantages"][:, None]
    objective = torch.minimum(ratio * advantage, clipped * advantage)
    x = case["ref"] - logp
    k3 = x.exp() - x - 1
    token_loss = (-objective + case["beta"] * k3) * mask
    count, lengths = mask.sum(), mask.sum(-1)
    chosen = (clipped * advantage < ratio * advantage).to(logp.dtype) * mask
    return {
        "dapo": token_loss.sum() / count,
        "grpo": (token_loss.sum(-1) / lengths).mean(),
        "dr_grpo": token_loss.sum() / (len(lengths) * case["max_completion"]),
        "logprobs": logp * mask, "entropies": entropy * mask, "ratios": ratio * mask, "k3": k3 * mask,
        "objective": objective * mask, "token_loss": token_loss, "clipped": chosen,
        "kl": (k3 * mask).sum() / count, "clip_fraction": chosen.sum() / count,
    }


def gradients(net, loss):
    """Gradient of a scalar by parameter name."""
    net.zero_grad()
    loss.backward()
    out = {name: p.grad.detach().clone() for name, p in net.parameters.items()}
    net.zero_grad()
    return out


def decays(name):
    """Weight decay touches projection matrices (an untied lm_head among them), not norms and not embeddings."""
    return not name.endswith("norm.weight") and "embed_tokens" not in name


def adamw(net, ids, mask, steps=5):
    """AdamW on the SFT loss: loss before each step, gradient norm before clipping, loss after the last step.

    Changes the net's parameters in place.
    """
    groups = [
        {"params": [p for n, p in net.parameters.items() if decays(n)], "weight_decay": 0.01},
        {"params": [p for n, p in net.parameters.items() if not decays(n)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), eps=1e-8, foreach=False)
    losses, norms = [], []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = sft_loss(net, ids, mask)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(net.parameters.values(), 1.0, foreach=False).item())
        losses.append(loss.item())
        optimizer.step()
    net.zero_grad()
    with torch.no_grad():
        return {"losses": losses, "grad_norms": norms, "final_loss": sft_loss(net, ids, mask).item()}
