"""Make the golden files: two tiny random Llama models, a tokenizer, and what PyTorch and transformers compute with them.

    python3.11 -m venv /tmp/golden-venv
    /tmp/golden-venv/bin/pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0 \\
        numpy==2.4.6 gguf==0.19.0 accelerate==1.15.0
    /tmp/golden-venv/bin/python tests/golden/make_golden.py        # then: make_gguf.py

Everything is a function of the seeds below, on one CPU thread. README.md describes the files.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1",
                  HF_HUB_DISABLE_PROGRESS_BARS="1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import importlib.metadata  # noqa: E402  (the thread counts above must be set first)
import json  # noqa: E402
import platform  # noqa: E402
import shutil  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM  # noqa: E402

import golden_losses as losses  # noqa: E402
import golden_tokenizer  # noqa: E402
import slow_twin  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
VOCAB, PAD, BOS, END = 320, golden_tokenizer.PAD, golden_tokenizer.BOS, golden_tokenizer.END
PROMPT_LENGTHS, GREEDY, CONTINUATION = (1, 7, 40), 24, 12
MODELS = {
    "llama-tiny": {"seed": 1301, "layers": 2, "head_dim": 16, "theta": 1e4, "tied": False, "shard": "1GB", "bos": False},
    "llama-tied": {"seed": 1402, "layers": 1, "head_dim": 24, "theta": 5e4, "tied": True, "shard": "100KB", "bos": True},
}


# ------------------------------------------------------------------------------------------------ json
def plain(value):
    """Tensors to lists, floats to 9 significant digits (enough to restore any float32 exactly)."""
    if isinstance(value, torch.Tensor):
        value = value.detach().tolist()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def write_json(path, document):
    """One line per flat list, two spaces of indent for everything else."""
    def text(value, indent):
        pad = "  " * (indent + 1)
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"{pad}{json.dumps(k)}: {text(v, indent + 1)}" for k, v in value.items())
            return "{\n" + inner + "\n" + "  " * indent + "}"
        if isinstance(value, list) and any(isinstance(v, dict) for v in value):
            return "[\n" + ",\n".join(pad + text(v, indent + 1) for v in value) + "\n" + "  " * indent + "]"
        return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))

    with open(path, "w") as f:
        f.write(text(plain(document), 0) + "\n")


def versions():
    names = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
    return {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in names}}


# ------------------------------------------------------------------------------------------------ models
def build_model(spec):
    """Projections and embeddings N(0, 0.125), about 1/sqrt(hidden); norm weights 1 + 0.1 N(0, 1)."""
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=spec["layers"], num_attention_heads=4,
        num_key_value_heads=2, head_dim=spec["head_dim"], hidden_act="silu", max_position_embeddings=128,
        rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": spec["theta"]},
        tie_word_embeddings=spec["tied"], attention_bias=False, mlp_bias=False, pad_token_id=PAD, bos_token_id=BOS,
        eos_token_id=END, dtype="float32",
    )
    model = LlamaForCausalLM(config).to(torch.float32)
    generator = torch.Generator().manual_seed(spec["seed"])
    with torch.no_grad():
        for _, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            p.copy_(1.0 + 0.1 * noise if p.ndim == 1 else 0.125 * noise)
    return model


def write_v4_config(folder, tied):
    """config.json rewritten in the form of transformers 4: RoPE keys at the top level, `torch_dtype`, no `dtype`.

    The untied folder also leaves `head_dim` out, as 4.44 did; 4.48 writes it.
    """
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    rope = config.pop("rope_parameters")
    assert set(rope) == {"rope_theta", "rope_type"} and rope["rope_type"] == "default"
    config.update(rope_theta=rope["rope_theta"], rope_scaling=None, torch_dtype=config.pop("dtype"), pretraining_tp=1)
    config["transformers_version"] = "4.48.0" if tied else "4.44.2"
    if not tied:
        config.pop("head_dim")
    with open(os.path.join(folder, "config.v4.json"), "w") as f:
        json.dump(dict(sorted(config.items())), f, indent=2)
        f.write("\n")


def library_net(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return losses.Net(lambda ids: model(input_ids=ids, use_cache=False).logits, model.named_parameters())


def twin_net(parameters, config):
    p = {name: t.detach().double().requires_grad_() for name, t in parameters.items()}
    return losses.Net(lambda ids: slow_twin.logits(p, config, ids), p)


# ------------------------------------------------------------------------------------------------ references
def random_ids(rng, count):
    return [int(i) for i in rng.integers(6, VOCAB, size=count)]


def noise(*pairs):
    """Largest absolute difference between float32 and float64 values of the same things."""
    return float(f"{max((a.double() - b.double()).abs().max().item() for a, b in pairs):.3g}")


def prompt_entry(net, prompt, continuation):
    with torch.no_grad():
        full = net.forward(torch.tensor([prompt]))[0]
        ids, logprobs, margins = list(prompt), [], []
        for _ in range(GREEDY):
            last = net.forward(torch.tensor([ids]))[0, -1]
            top = last.topk(2)
            margins.append((top.values[0] - top.values[1]).item())
            logprobs.append(last.log_softmax(-1)[top.indices[0]].item())
            ids.append(int(top.indices[0]))
        token, entropy = losses.logprobs_and_entropies(net, torch.tensor([prompt + continuation]))
    entry = {
        "ids": prompt, "last_logits": full[-1], "greedy_ids": ids[len(prompt):], "greedy_logprobs": logprobs,
        "greedy_min_margin": min(margins), "continuation": continuation,
        "continuation_logprobs": token[0, len(prompt):], "continuation_entropies": entropy[0, len(prompt):],
    }
    if len(prompt) == 7:
        entry["all_logits"] = full
    return entry


def padded(rows):
    width = max(len(r) for r in rows)
    return [r + [0] * (width - len(r)) for r in rows]


def digests(values, gradient, rng):
    """Shape, L2 norm, the first 8 values and 8 at pseudo-random flat positions (where the SFT gradient is not zero)."""
    out, rng = [], np.random.default_rng(rng)
    for name, tensor in values.items():
        flat = tensor.detach().reshape(-1)
        alive = gradient[name].reshape(-1).nonzero()[:, 0].numpy()
        at = sorted(int(i) for i in rng.choice(alive, size=8, replace=False))
        out.append({"name": name, "shape": list(tensor.shape), "l2": flat.double().norm().item(), "first": flat[:8],
                    "sampled_at": at, "sampled": flat[at]})
    return out


def sft_reference(net, twin, rng):
    lengths, starts = (16, 11), (5, 4)
    ids = torch.tensor(padded([random_ids(rng, n) for n in lengths]))
    mask = torch.tensor(padded([[0] * s + [1] * (n - s) for n, s in zip(lengths, starts)]))
    mask[0, 9] = 0  # a hole: a mask need not be one run
    loss, slow_loss = losses.sft_loss(net, ids, mask), losses.sft_loss(twin, ids, mask)
    grads, slow = losses.gradients(net, loss), losses.gradients(twin, slow_loss)
    document = {
        "ids": ids, "loss_mask": mask, "active_tokens": int(mask.sum()), "loss": loss.item(),
        "grad_norm": torch.stack([g.norm() for g in grads.values()]).norm().item(), "gradients": digests(grads, grads, 7),
        "noise": {"loss": noise((loss, slow_loss)), "gradients": noise(*((grads[n], slow[n]) for n in grads))},
    }
    return document, grads, (ids, mask)


def grpo_reference(net, twin, rng):
    prompt, lengths = random_ids(rng, 6), (9, 5, 12, 7)
    ids = torch.tensor(padded([prompt + random_ids(rng, n) for n in lengths]))
    mask = torch.tensor(padded([[0] * 6 + [1] * n for n in lengths]))
    with torch.no_grad():
        current, _ = losses.logprobs_and_entropies(net, ids)
    low, high = 0.2, 0.28
    shift = torch.tensor(rng.normal(0, 0.4, ids.shape), dtype=torch.float32)
    for bound in (1 - low, 1 + high):  # no ratio so near a clip edge that rounding could choose the branch
        shift[((-shift).exp() - bound).abs() < 0.01] += 0.05
    old = (current + shift) * mask
    ref = (current + torch.tensor(rng.normal(0, 0.3, ids.shape), dtype=torch.float32)) * mask
    rewards = torch.tensor([1.0, 0.0, -1.0, 1.0])
    case = {"ids": ids, "mask": mask, "old": old, "ref": ref, "low": low, "high": high, "beta": 0.04,
            "advantages": losses.group_advantages(rewards, 1e-4), "max_completion": max(lengths)}
    slow_case = {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in case.items()}
    out, slow_out = losses.grpo(net, case), losses.grpo(twin, slow_case)
    assert torch.equal(out["clipped"], slow_out["clipped"].float()) and 3 < out["clipped"].sum() < mask.sum() / 2
    grads, slow = losses.gradients(net, out["dapo"]), losses.gradients(twin, slow_out["dapo"])
    return {
        "prompt_length": 6, "ids": ids, "loss_mask": mask, "active_tokens": int(mask.sum()), "rewards": rewards,
        "advantage_epsilon": 1e-4, "advantages": case["advantages"], "old_logprobs": old, "ref_logprobs": ref,
        "epsilon_low": low, "epsilon_high": high, "beta": case["beta"], "max_completion_length": max(lengths),
        **{k: out[k] for k in ("logprobs", "entropies", "ratios", "clipped", "objective", "k3", "token_loss")},
        "kl": out["kl"], "clip_fraction": out["clip_fraction"],
        "loss": out["dapo"].item(), "loss_grpo": out["grpo"].item(), "loss_dr_grpo": out["dr_grpo"].item(),
        "grad_norm": torch.stack([g.norm() for g in grads.values()]).norm().item(), "gradients": digests(grads, grads, 8),
        "noise": {"loss": noise((out["dapo"], slow_out["dapo"])),
                  "logprobs": noise((out["logprobs"], slow_out["logprobs"])),
                  "gradients": noise(*((grads[n], slow[n]) for n in grads))},
    }


def adamw_reference(net, twin, grads, batch):
    result, slow = losses.adamw(net, *batch), losses.adamw(twin, *batch)
    gap = [(torch.tensor(result[k]), torch.tensor(slow[k])) for k in ("losses", "grad_norms", "final_loss")]
    return {
        "batch": "sft", "steps": 5, "learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8,
        "weight_decay": 0.01, "decayed": [n for n in net.parameters if losses.decays(n)], "max_grad_norm": 1.0, **result,
        "parameters": digests(net.parameters, grads, 9),
        "noise": {"losses": noise(gap[0], gap[2]), "grad_norms": noise(gap[1]),
                  "parameters": noise(*((net.parameters[n], twin.parameters[n]) for n in net.parameters))},
    }


def make(name, spec):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model = build_model(spec)
    model.save_pretrained(folder, max_shard_size=spec["shard"])
    write_v4_config(folder, spec["tied"])
    write_json(os.path.join(folder, "tokenizer_reference.json"), golden_tokenizer.write(folder, spec["bos"]))

    net = library_net(folder)  # from the files just written
    for (n, p), q in zip(model.named_parameters(), net.parameters.values(), strict=True):
        assert torch.equal(p, q), n
    config = {**model.config.to_dict(), "rope_theta": spec["theta"]}
    twin = twin_net(net.parameters, config)
    rng = np.random.default_rng(spec["seed"])
    prompts, slow = [], []
    for length in PROMPT_LENGTHS:
        ids = [BOS] + random_ids(rng, length - 1), random_ids(rng, CONTINUATION)
        prompts.append(prompt_entry(net, *ids))
        slow.append(prompt_entry(twin, *ids))
    assert all(a["greedy_ids"] == b["greedy_ids"] for a, b in zip(prompts, slow))
    assert min(p["greedy_min_margin"] for p in prompts) > 2e-3, [p["greedy_min_margin"] for p in prompts]
    sft, grads, batch = sft_reference(net, twin, rng)
    document = {
        "made_by": "tests/golden/make_golden.py", "versions": versions(), "prompts": prompts,
        "prompt_noise": {k: noise(*((a[k], b[k]) for a, b in zip(prompts, slow)))
                         for k in ("last_logits", "continuation_logprobs", "continuation_entropies")},
        "sft": sft, "grpo": grpo_reference(net, twin, rng),
        "adamw": adamw_reference(net, twin, grads, batch),  # last: it moves the parameters
    }
    write_json(os.path.join(folder, "reference.json"), document)
    print(name, sum(p.numel() for p in model.parameters()), "parameters; noise", document["prompt_noise"],
          sft["noise"], document["grpo"]["noise"], document["adamw"]["noise"])
    print("  greedy margins", [p["greedy_min_margin"] for p in prompts], "grpo", document["grpo"]["loss"],
          "clip", float(document["grpo"]["clip_fraction"]), "sft", document["adamw"]["losses"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.use_deterministic_algorithms(True)
    for model_name, model_spec in MODELS.items():
        make(model_name, model_spec)
