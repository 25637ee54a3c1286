"""An adapter that PEFT makes for llama-tiny, and the last logits that PEFT computes with it.

/tmp/golden-venv/bin/pip install peft==0.21.2   (beside the packages of README.md)
/tmp/golden-venv/bin/python tests/golden/lora.py
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
OUT = HERE / "llama-tiny-lora"
torch.manual_seed(7)
torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(HERE / "llama-tiny", dtype=torch.float32)
config = LoraConfig(
    r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
    task_type="CAUSAL_LM",
)
model = get_peft_model(model, config).eval()
for name, parameter in model.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(parameter, std=0.1)
model.save_pretrained(OUT)
ids = [1, 3, 40, 90, 7, 200, 31, 4]
with torch.no_grad():
    logits = model(torch.tensor([ids])).logits[0, -1]
(OUT / "reference.json").write_text(json.dumps({"ids": ids, "last_logits": logits.tolist()}) + "\n")
(OUT / "README.md").unlink(missing_ok=True)
config = json.loads((OUT / "adapter_config.json").read_text())
config["base_model_name_or_path"] = "llama-tiny"
(OUT / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
