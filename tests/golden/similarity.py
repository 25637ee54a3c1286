"""Scores of the usual Python packages, for the similarity measures of crates/rewards/src/openai/similarity.

Knows the packages, not our code. Writes crates/rewards/tests/openai/golden/similarity.json; made once, the test only reads
it. A second run gives the same bytes. Every text is made here from a word list of our own.

    python3.11 -m venv /tmp/similarity-venv
    /tmp/similarity-venv/bin/pip install rapidfuzz==3.14.6 nltk==3.10.4 rouge-score==0.1.2
    /tmp/similarity-venv/bin/python tests/golden/similarity.py

METEOR is asked with a WordNet that knows no synonyms, because its data is not shipped with the package. Cosine has no
package: it is the embedding of cosine.rs written out a second time.
"""

import json
import math
import pathlib
import random
import warnings
from collections import Counter
from importlib.metadata import version

from nltk.stem.porter import PorterStemmer
from nltk.translate.bleu_score import sentence_bleu
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import single_meteor_score
from rapidfuzz import fuzz
from rouge_score.rouge_scorer import RougeScorer

ROUGE = ["rouge1", "rouge2", "rouge3", "rouge4", "rouge5", "rougeL"]
OUT = pathlib.Path(__file__).parents[2] / "crates/rewards/tests/openai/golden/similarity.json"

WORDS = """the a an river rivers bridge bridges cross crosses crossed crossing happy happily happiness quick quickly city cities
Paris Rome capital of is was are France answer answers answered answering 42 3.14 1,000 don't it's state-of-the-art general generally
generalise generalisation relate relational relation conditional fly flies flying died dies hop hopping hoped hope geology
geological apologise mouse mice café CAFÉ naïve Straße 東京 привет λόγος one two three, four. five! six? (seven) eight: nine; ten""".split()

EDGES = [
    ("", ""), ("", "Paris"), ("Paris", ""), ("Paris", "Paris"), ("paris", "Paris"), ("Paris.", "Paris"), ("  ", " \n\t"),
    ("a", "b"), ("ab", "ba"), ("abc abc abc abc", "abc"), ("abc", "abc abc abc abc abc"),
    ("one two three four", "one two three four"), ("one two three four five", "one two three four"),
    ("one two three", "one two three four five six"), ("four three two one", "one two three four"),
    ("the the the the the the the", "the river is under the bridge"),
    ("It is in Paris, France.", "it is in paris france"), ("👍🏽 yes", "👍 yes"), ("e\u0301te\u0301", "été"),
    ("İstanbul", "istanbul"), ("ΟΔΟΣ", "οδος"), ("a\u00a0b\u2003c", "a b c"), ("a\u001cb", "a b"), ("x" * 200, "x" * 150 + "y" * 50),
    ("crossing bridges happily", "crossed the bridge happy"), ("flies died relational", "fly dies relation"),
    ("{\"answer\": 42}", "{\"answer\": 41}"), ("1 2 3 4 5 6 7 8 9", "9 8 7 6 5 4 3 2 1"),
]

SUFFIXES = """ s es ies ied eed ed ing ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness
fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement ment
ent sion tion ion ou ism ate iti ous ive ize e ll y ly""".split(" ")
STARTS = "b tr ee oat troubl creat hopp fall hiss fizz fail fil happ sk enjo valenc radic vil activ contr rol sens geo yo syzyg é ß2 vietnam".split()
IRREGULAR = """sky skies dying lying tying news inning innings outing outings canning cannings howe proceed exceed succeed
go be yyy yyyed ayed dies died spied tie ties lies oed aing agreed feed plastered motoring sing controlling generally""".split()


class NoSynonyms:
    """A WordNet without words."""

    def synsets(self, word):
        return []


def embed(text):
    """Counts of hashed runs of 2 to 4 characters."""
    words = text.lower().split()
    if not words:
        return Counter()
    padded = " " + " ".join(words) + " "
    counts = Counter()
    for n in range(2, 5):
        for i in range(len(padded) - n + 1):
            value = 0xCBF29CE484222325
            for byte in padded[i : i + n].encode():
                value = (value ^ byte) * 0x100000001B3 % 2**64
            counts[value % 65536] += 1
    return counts


def cosine(a, b):
    """Cosine of the square roots of the counts."""
    u, v = ({k: math.sqrt(c) for k, c in embed(t).items()} for t in (a, b))
    if not u or not v:
        return float(not u and not v)
    dot = math.fsum(x * v.get(k, 0.0) for k, x in u.items())
    norm = lambda w: math.sqrt(math.fsum(x * x for x in w.values()))
    return dot / (norm(u) * norm(v))


def scores(text, reference):
    """Every metric under the name of OpenAI's schema."""
    hyp, ref = text.split(), reference.split()
    out = {
        "fuzzy_match": fuzz.ratio(text, reference) / 100,
        "bleu": float(sentence_bleu([ref], hyp)),
        "gleu": sentence_gleu([ref], hyp),
        "meteor": single_meteor_score(ref, hyp, wordnet=NoSynonyms()),
        "cosine": cosine(text, reference),
    }
    rouge = RougeScorer(ROUGE, use_stemmer=False).score(reference, text)
    return out | {f"rouge_{name[5:].lower()}": rouge[name].fmeasure for name in ROUGE}


def texts():
    """Edge cases, then references with words dropped, swapped, repeated and replaced."""
    yield from EDGES
    chance = random.Random(7)
    for length in [1, 2, 3, 4, 5, 6, 8, 12, 20, 40, 90] * 11:
        reference = [chance.choice(WORDS) for _ in range(length)]
        answer = []
        for word in reference:
            draw = chance.random()
            if draw < 0.1:
                continue
            answer.append(chance.choice(WORDS) if draw < 0.2 else word.upper() if draw < 0.25 else word)
            if draw > 0.95:
                answer.append(word)
        if chance.random() < 0.2 and len(answer) > 2:
            cut = chance.randrange(1, len(answer))
            answer = answer[cut:] + answer[:cut]
        gap = chance.choice([" ", " ", "  ", "\n"])
        yield gap.join(answer), " ".join(reference)


def main():
    """Writes the table."""
    warnings.simplefilter("ignore")
    stemmer = PorterStemmer()
    words = sorted({start + end for start in STARTS for end in SUFFIXES if start + end} | set(IRREGULAR) | {w.lower() for w in WORDS})
    table = {
        "packages": {name: version(name) for name in ["rapidfuzz", "nltk", "rouge-score"]},
        "rows": [{"input": a, "reference": b, "scores": scores(a, b)} for a, b in texts()],
        "stems": [[word, stemmer.stem(word)] for word in words],
    }
    lines = ['{', f'"packages": {json.dumps(table["packages"])},', '"rows": [']
    lines.append(",\n".join(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in table["rows"]))
    lines += ["],", '"stems": [', ",\n".join(json.dumps(row, ensure_ascii=False) for row in table["stems"]), "]", "}"]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
