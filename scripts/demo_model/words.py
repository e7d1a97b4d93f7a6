"""Every word that the model knows, and the tokenizer made of them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from transformers import CLIPTokenizer

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
MAX_TOKENS = 77

TOPICS: Mapping[str, str] = {
    "colours": ("red orange yellow green cyan blue purple pink brown black gray white wooden"),
    "shapes": ("circle square triangle star heart diamond ring background"),
    "sizes": ("small tiny big large"),
    "fruit": ("apple orange lemon lime banana pear plum cherries strawberry grapes table"),
    "pets": ("cat dog mat rug carpet sitting"),
    "places": ("house roof tree pine flower hill hills meadow grass mountains sea ocean boat sky"),
    "times": (
        "sunset sunrise night day evening morning dusk dawn sun moon full stars starry sunny clear"
    ),
    "joints": ("a an the on over at in by under of with and is one up"),
    "without effect": (
        "photo picture image painting drawing illustration photograph close beautiful nice cute "
        "lovely stunning simple little pretty digital art highly detailed high quality best "
        "masterpiece cartoon watercolor oil flat design minimalist sharp focus soft light "
        "photorealistic concept trending realistic very ultra hd blurry low bad ugly deformed text "
        "watermark vivid colorful studio k"
    ),
}


VOCABULARY: Mapping[str, Sequence[str]] = {topic: text.split() for topic, text in TOPICS.items()}


def known_words() -> list[str]:
    """List every known word once."""
    return list(dict.fromkeys(word for words in VOCABULARY.values() for word in words))


def build_tokenizer() -> CLIPTokenizer:
    """Make a CLIP tokenizer in which every known word is one token."""
    letters = _byte_letters()
    merges = _merges(known_words())
    symbols = [*letters, *(letter + WORD_END for letter in letters)]
    symbols += dict.fromkeys("".join(pair) for pair in merges)
    symbols += [BEGIN, END]
    return CLIPTokenizer(
        vocab={symbol: number for number, symbol in enumerate(symbols)},
        merges=merges,
        unk_token=END,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=END,
        model_max_length=MAX_TOKENS,
    )


def _merges(words: Sequence[str]) -> list[tuple[str, str]]:
    """Give the merges, each word's after those that earlier words already bring."""
    ranks: dict[tuple[str, str], int] = {}
    for word in words:
        pieces = _split(word, ranks)
        while len(pieces) > 1:
            ranks[pieces[0], pieces[1]] = len(ranks)
            pieces = _split(word, ranks)
    return list(ranks)


def _split(word: str, ranks: Mapping[tuple[str, str], int]) -> list[str]:
    pieces = [*word[:-1], word[-1] + WORD_END]
    while known := [pair for pair in pairwise(pieces) if pair in ranks]:
        best = min(known, key=ranks.__getitem__)
        at = list(pairwise(pieces)).index(best)
        pieces = [*pieces[:at], "".join(best), *pieces[at + 2 :]]
    return pieces


def _byte_letters() -> list[str]:
    """Give the 256 characters that stand for bytes, in the order of CLIP's vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [256 + index for index in range(256 - len(plain))]
    return [chr(code) for code in (*plain, *others)]
