"""Make the GGUF golden files from llama-tiny: two model files and vectors for the block formats.

    /tmp/golden-venv/bin/python tests/golden/make_gguf.py          # after make_golden.py, same environment

Writing and quantising is the `gguf` package's (its Q8_0 and Q4_0 follow ggml's reference code); naming the tensors and
reordering the rows is done here. The files are read back twice: by the `gguf` reader and by transformers' own importer.
"""

import make_golden  # noqa: I001  (sets the thread counts before torch is imported)

import json
import os

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

import golden_tokenizer

HERE = make_golden.HERE
SOURCE = os.path.join(HERE, "llama-tiny")
BLOCK_NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}
NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def gguf_name(name):
    if name in NAMES:
        return NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{BLOCK_NAMES[rest.removesuffix('.weight')]}.weight"


def interleave_heads(weight, heads):
    """Rows of a q or k projection, head by head, from half-split order (0..D/2, D/2..D) to pairs (0, D/2, 1, D/2+1, ...).

    The `llama` architecture of GGUF rotates neighbouring rows; Hugging Face rotates rows half a head apart.
    """
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tensors(config):
    """GGUF tensor name to float32 array in GGUF row order."""
    out = {}
    for name, value in load_file(os.path.join(SOURCE, "model.safetensors")).items():
        if "q_proj" in name:
            value = interleave_heads(value, config["num_attention_heads"])
        elif "k_proj" in name:
            value = interleave_heads(value, config["num_key_value_heads"])
        out[gguf_name(name)] = value
    return out


def write_file(path, config, values, kind_of, file_type):
    w = gguf.GGUFWriter(path, "llama")
    w.add_name("golden llama-tiny")
    w.add_file_type(file_type)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    w.add_rope_dimension_count(config["head_dim"])
    w.add_key_length(config["head_dim"])
    w.add_value_length(config["head_dim"])
    w.add_vocab_size(config["vocab_size"])
    with open(os.path.join(SOURCE, "tokenizer.json")) as f:
        bpe = json.load(f)["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].get)
    special = set(golden_tokenizer.SPECIAL)
    w.add_tokenizer_model("gpt2")  # byte-level BPE
    w.add_tokenizer_pre("gpt-2")  # the splitting rule of the ByteLevel pre-tokenizer
    w.add_token_list(tokens)
    w.add_token_types([gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t in tokens])
    w.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    w.add_bos_token_id(golden_tokenizer.BOS)
    w.add_eos_token_id(golden_tokenizer.END)
    w.add_pad_token_id(golden_tokenizer.PAD)
    w.add_add_bos_token(False)
    for name, value in values.items():
        kind = kind_of(name)
        w.add_tensor(name, gguf.quantize(value, kind), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def mixed_kind(name):
    """Every block format at once: F32 norms, F16 embedding and head, Q8_0 attention, Q4_0 feed-forward."""
    if "norm" in name:
        return Kind.F32
    return Kind.Q8_0 if "attn" in name else Kind.Q4_0 if "ffn" in name else Kind.F16


def read_back(path, values, ids):
    """Check the file with the `gguf` reader; return the types and the last logits transformers computes from it."""
    reader = gguf.GGUFReader(path)
    types = {}
    for t in reader.tensors:
        got = gguf.dequantize(t.data, t.tensor_type).reshape(values[t.name].shape)
        step = np.abs(values[t.name]).max() / 7 if t.tensor_type == Kind.Q4_0 else np.abs(values[t.name]).max() / 127
        assert np.abs(got - values[t.name]).max() <= (0 if t.tensor_type == Kind.F32 else step), t.name
        types[t.name] = t.tensor_type.name
    assert set(types) == set(values)
    model = AutoModelForCausalLM.from_pretrained(HERE, gguf_file=os.path.basename(path), dtype=torch.float32,
                                                 attn_implementation="eager")
    with torch.no_grad():
        return types, model(input_ids=torch.tensor([ids])).logits[0, -1]


# ------------------------------------------------------------------------------------------------ block vectors
def rows():
    """Named rows of 64 finite floats (two blocks of 32), every magnitude below the largest float16."""
    rng = np.random.default_rng(1503)
    ramp = np.arange(64, dtype=np.float32)
    out = {f"normal_{i}": rng.normal(0, 0.125, 64) for i in range(4)}
    out["uniform_wide"] = rng.uniform(-3e4, 3e4, 64)
    out["zeros"] = np.zeros(64)
    out["negative_zeros"] = -np.zeros(64)
    out["constant"] = np.full(64, 0.3)
    out["constant_negative"] = np.full(64, -0.3)
    out["one_outlier"] = np.where(ramp == 17, 60000.0, rng.normal(0, 1, 64))
    out["one_negative_outlier"] = np.where(ramp == 40, -1000.0, rng.normal(0, 1, 64))
    out["only_one_value"] = np.where(ramp == 63, -2.5, 0.0)
    out["equal_extremes_positive_first"] = np.where(ramp % 2 == 0, 1.0, -1.0) * np.where(ramp % 32 < 2, 1.0, 0.5)
    out["equal_extremes_negative_first"] = -out["equal_extremes_positive_first"]
    out["q8_half_steps"] = np.where(ramp % 32 == 0, 127.0, ramp - 32 + 0.5)  # scale exactly 1: rounds away from zero
    out["q4_half_steps"] = np.where(ramp % 32 == 0, -8.0, ramp % 16 - 7.5)  # scale exactly 1: truncation after + 8.5
    out["q4_full_range_positive"] = np.where(ramp % 32 == 0, 8.0, ramp % 17 - 8.0)  # negative scale, 15 caps
    out["tiny_scale_underflows"] = rng.normal(0, 1e-20, 64)  # the scale is 0 as float16 while the quants are not
    out["subnormal_scale"] = rng.normal(0, 5e-5, 64)
    out["different_blocks"] = np.where(ramp < 32, rng.normal(0, 1e-3, 64), rng.normal(0, 1e3, 64))
    out["f16_edges"] = np.resize([1 + 2.0**-11, 1 + 3 * 2.0**-11, -1 - 2.0**-11, 65504.0, -65504.0, 2.0**-14, 2.0**-24,
                                  2.0**-25, 3 * 2.0**-25, 2.0**-26, -(2.0**-24), 0.1, 1 / 3, 2049.0, 2051.0, -0.0], 64)
    return {name: np.asarray(row, dtype=np.float32) for name, row in out.items()}


def quantised(row):
    out = {}
    for kind in (Kind.F16, Kind.Q8_0, Kind.Q4_0):
        packed = np.ascontiguousarray(gguf.quantize(row[None], kind)).view(np.uint8)
        back = gguf.dequantize(packed if kind != Kind.F16 else packed.view(np.float16), kind).astype(np.float32)
        assert np.isfinite(back).all()
        out[kind.name.lower()] = {"bytes": packed.tobytes().hex(), "values": back.reshape(-1).tolist()}
    return out


def main():
    with open(os.path.join(SOURCE, "config.json")) as f:
        config = json.load(f)
    with open(os.path.join(SOURCE, "reference.json")) as f:
        prompt = json.load(f)["prompts"][1]
    values = tensors(config)
    paths = [os.path.join(HERE, n) for n in ("llama-tiny-f32.gguf", "llama-tiny-mixed.gguf")]
    write_file(paths[0], config, values, lambda _: Kind.F32, gguf.LlamaFileType.ALL_F32)
    write_file(paths[1], config, values, mixed_kind, gguf.LlamaFileType.MOSTLY_Q8_0)
    _, exact = read_back(paths[0], values, prompt["ids"])
    assert (exact - torch.tensor(prompt["last_logits"])).abs().max() < 1e-5
    types, mixed = read_back(paths[1], values, prompt["ids"])
    print("largest change of a logit by the mixed file:", (mixed - exact).abs().max().item())
    versions = {**make_golden.versions(), "gguf": make_golden.importlib.metadata.version("gguf")}
    make_golden.write_json(os.path.join(HERE, "gguf_reference.json"), {
        "made_by": "tests/golden/make_gguf.py", "versions": versions, "file": "llama-tiny-mixed.gguf", "types": types,
        "ids": prompt["ids"], "last_logits_of_dequantised_weights": mixed,
    })
    make_golden.write_json(os.path.join(HERE, "quant_reference.json"), {
        "made_by": "tests/golden/make_gguf.py", "versions": versions,
        "rows": [{"name": name, "values": row.tolist(), **quantised(row)} for name, row in rows().items()],
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
