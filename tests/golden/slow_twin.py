"""A Llama decoder written out in plain float64 torch: the slow twin of the library model.

It knows nothing of files or of transformers. make_golden.py runs every reference twice, through the library in float32
and through this file in float64: agreement shows that the numbers mean what we think they mean, and the size of the
disagreement is the float32 rounding noise from which the tolerances in README.md are taken.

Shapes: B batch, T tokens, V vocabulary, H query heads, K key/value heads, D head width.
"""

import math

import torch


def rms_norm(x, weight, eps):
    """x / sqrt(mean(x^2) + eps) * weight over the last axis."""
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rope(x, theta):
    """Rotate pairs (i, i + D/2) of x [B, heads, T, D] by t * theta^(-2i/D): the half-split (Hugging Face) layout."""
    steps, width = x.shape[-2], x.shape[-1]
    inverse = theta ** (-torch.arange(0, width, 2, dtype=x.dtype) / width)
    angle = torch.arange(steps, dtype=x.dtype)[:, None] * inverse[None, :]
    low, high = x[..., : width // 2], x[..., width // 2 :]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([low * cos - high * sin, high * cos + low * sin], dim=-1)


def attention(p, prefix, x, config):
    """Causal grouped-query attention: query head h reads key/value head h // (H / K)."""
    batch, steps, _ = x.shape
    heads, kv_heads, width = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]

    def split(name, count):
        return (x @ p[f"{prefix}.{name}.weight"].T).view(batch, steps, count, width).transpose(1, 2)

    theta = config["rope_theta"]
    q = rope(split("q_proj", heads), theta)
    k = rope(split("k_proj", kv_heads), theta).repeat_interleave(heads // kv_heads, dim=1)
    v = split("v_proj", kv_heads).repeat_interleave(heads // kv_heads, dim=1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(width)
    future = torch.ones(steps, steps, dtype=torch.bool).triu(1)
    out = scores.masked_fill(future, float("-inf")).softmax(-1) @ v
    return out.transpose(1, 2).reshape(batch, steps, heads * width) @ p[f"{prefix}.o_proj.weight"].T


def mlp(p, prefix, x):
    """SwiGLU: down(silu(gate x) * up x)."""
    gate = torch.nn.functional.silu(x @ p[f"{prefix}.gate_proj.weight"].T)
    return (gate * (x @ p[f"{prefix}.up_proj.weight"].T)) @ p[f"{prefix}.down_proj.weight"].T


def logits(p, config, ids):
    """Logits [B, T, V] of token ids [B, T]; `p` maps Hugging Face tensor names to float64 tensors."""
    eps = config["rms_norm_eps"]
    x = p["model.embed_tokens.weight"][ids]
    for i in range(config["num_hidden_layers"]):
        name = f"model.layers.{i}"
        x = x + attention(p, f"{name}.self_attn", rms_norm(x, p[f"{name}.input_layernorm.weight"], eps), config)
        x = x + mlp(p, f"{name}.mlp", rms_norm(x, p[f"{name}.post_attention_layernorm.weight"], eps))
    head = p.get("lm_head.weight", p["model.embed_tokens.weight"])
    return rms_norm(x, p["model.norm.weight"], eps) @ head.T
