"""The small byte-level BPE tokenizer of the golden folders and its reference encodings. Knows nothing of models."""

import os

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<|pad|>", "<|bos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
PAD, BOS, END = 0, 1, 5
VOCAB = 320

SENTENCES = [
    "The capital of the small country is the town on the river.",
    "What is the capital of this country? I do not know the answer.",
    "The answer is 12 plus 30, and that is 42.",
    "There is no river in the passage, so the answer is not there.",
    "Is the atomic number of carbon 6 or 12? It is 6.",
    "I'm sure that they don't know what the town was called.",
]

TEXTS = [
    "",
    " ",
    "The capital of the country is the town.",
    "what is the answer?",
    "  two leading spaces and   three inside",
    "trailing space ",
    "line one\nline two\n\n\nline five",
    "tab\tseparated\t\tcells\r\nand a carriage return",
    "2024-06-07 12:34:56.789 +1,000,000",
    "42",
    "I'm, you've, he'll, they'd, it's, don't, DON'T",
    "caf\u00e9 and cafe\u0301 (composed, decomposed)",
    "\u00dcber stra\u00dfe \u0141\u00f3d\u017a \u0130stanbul",
    "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002",
    "\u041c\u043e\u0441\u043a\u0432\u0430, \u0391\u03b8\u03ae\u03bd\u03b1, "
    "\u05d9\u05e8\u05d5\u05e9\u05dc\u05d9\u05dd, \u0627\u0644\u0642\u0627\u0647\u0631\u0629",
    "\U0001f600 \U0001f469\u200d\U0001f680 \U0001f1eb\U0001f1f7 \u2708\ufe0f",
    "no-break\u00a0space, zero\u200bwidth, em\u2003space, line\u2028separator",
    "x = (a_1 + b^2) / {c[0]}; // \"quoted\" \\ `code`",
    "<|user|>What is 6 + 7?<|end|><|assistant|>13<|end|>",
    "<|bos|><|system|>Answer. <|end|> not special: <|nobody|> <| user |>",
    "null\u0000byte and bell\u0007 and delete\u007f",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


def train():
    """A 320-entry vocabulary: 6 special tokens, 256 bytes, 58 merges."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=VOCAB, min_frequency=1, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    ))
    assert tok.get_vocab_size() == VOCAB and [tok.token_to_id(t) for t in SPECIAL] == list(range(6))
    return tok


def write(folder, adds_bos):
    """Train, save into `folder` and return the reference document. `adds_bos` puts a template before every text."""
    tok = train()
    if adds_bos:
        tok.post_processor = processors.TemplateProcessing(single="<|bos|> $A", special_tokens=[("<|bos|>", BOS)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tok, pad_token=SPECIAL[PAD], bos_token=SPECIAL[BOS], eos_token=SPECIAL[END],
        model_max_length=128, clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)
    tok = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    encodings = []
    for text in TEXTS:
        ids = tok.encode(text, add_special_tokens=False).ids
        assert tok.decode(ids, skip_special_tokens=False) == text, text
        encodings.append({
            "text": text, "ids": ids, "ids_with_special": tok.encode(text).ids,
            "decoded_skip_special": tok.decode(ids, skip_special_tokens=True),
        })
    # cut in the middle of a character: what a stream sees before the rest of the bytes arrives
    smile = tok.encode("\U0001f600", add_special_tokens=False).ids
    assert len(smile) == 4
    cuts = [smile[:1], smile[:3], smile[1:], smile[:3] + tok.encode("ok", add_special_tokens=False).ids, [END, PAD, BOS]]
    decodings = [{"ids": ids, "text": tok.decode(ids, skip_special_tokens=False),
                  "skip_special": tok.decode(ids, skip_special_tokens=True)} for ids in cuts]
    return {"adds_bos": adds_bos, "special": SPECIAL, "vocab_size": VOCAB, "encodings": encodings, "decodings": decodings}
