"""Make the golden files of the Qwen families: one tiny random model each, and what transformers computes with it.

    /tmp/golden-venv/bin/python tests/golden/make_families.py      # the environment of make_golden.py, or transformers 4.57

Biases and head norms are random too, so that leaving one out changes the logits.
"""

import json
import os

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1")

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = dict(
    vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-6, hidden_act="silu", rope_theta=1e6,
    bos_token_id=None, eos_token_id=95, torch_dtype="float32",
)
MODELS = {
    "qwen2-tiny": (Qwen2ForCausalLM, Qwen2Config(**SHAPE, tie_word_embeddings=True), 1503),
    "qwen3-tiny": (Qwen3ForCausalLM, Qwen3Config(**SHAPE, head_dim=16, tie_word_embeddings=False), 1604),
}


def main():
    for name, (kind, config, seed) in MODELS.items():
        model = kind(config).to(torch.float32).eval()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for key, p in sorted(model.named_parameters()):
                noise = torch.randn(p.shape, generator=generator)
                p.copy_(1.0 + 0.2 * noise if key.endswith("norm.weight") else 0.25 * noise)
        folder = os.path.join(HERE, name)
        model.save_pretrained(folder)
        os.remove(os.path.join(folder, "generation_config.json"))
        prompts = []
        for length in (1, 9, 40):
            ids = torch.randint(0, 95, (1, length), generator=generator)
            with torch.no_grad():
                last = model(ids).logits[0, -1]
                seen = ids
                for _ in range(24):
                    seen = torch.cat([seen, model(seen).logits[:, -1:].argmax(-1)], 1)
            prompts.append({
                "ids": ids[0].tolist(),
                "last_logits": [float(f"{x:.9g}") for x in last.tolist()],
                "greedy_ids": seen[0, length:].tolist(),
            })
        made = {"torch": torch.__version__, "transformers": transformers.__version__}
        with open(os.path.join(folder, "reference.json"), "w") as f:
            json.dump({"made_with": made, "prompts": prompts}, f, separators=(",", ":"))
            f.write("\n")
        print(name, sum(p.numel() for p in model.parameters()), "parameters")


if __name__ == "__main__":
    main()
