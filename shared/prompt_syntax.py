r"""A prompt's text and the weight of each of its words, as A1111's web UI writes them.

| in the prompt | means |
| --- | --- |
| `(word)` | weight times 1.1 |
| `[word]` | weight divided by 1.1 |
| `(word:1.4)` | weight times 1.4 |
| `\(` `\)` `\[` `\]` `\\` | the character itself |
| `BREAK` | what follows begins a new chunk |

Every text means something: a bracket that nothing closes is closed at the end, and one that closes
nothing is a character.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

LARGEST_WEIGHT = 10.0
"""No product of weights is larger, or less than minus that; so none leaves a model's numbers."""

_ROUND = 1.1
_SQUARE = 1 / 1.1

_LEXEME = re.compile(
    r"\\(?P<escaped>[\\()\[\]]?)"
    r"|:\s*(?P<weight>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))\s*\)"
    r"|(?P<bracket>[()\[\]])"
    r"|[^\\()\[\]:]+|:"
)
_BREAK = re.compile(r"\s*\bBREAK\b\s*")


@dataclass(frozen=True)
class Span:
    """Text of one weight."""

    text: str
    weight: float
    places: tuple[int, ...]
    """Where each of its characters stands in the prompt as it was typed."""


Passage = tuple[Span, ...]
"""What stands between one BREAK and the next."""


def parse_prompt(prompt: str) -> tuple[Passage, ...]:
    """Give the passages of a prompt, one at least."""
    reading = _Reading()
    for lexeme in _LEXEME.finditer(prompt):
        reading.take(lexeme)
    return tuple(map(_merged, _passages(reading.end())))


def plain_prompt(prompt: str) -> tuple[Passage, ...]:
    """Give a prompt whose every character stands for itself."""
    return ((Span(prompt, 1.0, tuple(range(len(prompt)))),),)


@dataclass
class _Piece:
    text: str
    place: int
    weight: float = 1.0
    is_break: bool = False

    def weigh(self, factor: float) -> None:
        self.weight = _bounded(self.weight * _bounded(factor))


class _Reading:
    """The pieces so far, and the brackets that are open among them."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._round: list[int] = []
        self._square: list[int] = []

    def take(self, lexeme: re.Match[str]) -> None:
        text, place = lexeme[0], lexeme.start()
        if lexeme["escaped"] is not None:
            self._pieces.append(_Piece(lexeme["escaped"], lexeme.start("escaped")))
        elif lexeme["bracket"] in {"(", "["}:
            opened = self._round if text == "(" else self._square
            opened.append(len(self._pieces))
        elif lexeme["weight"] is not None and self._round:
            self._close(self._round, float(lexeme["weight"]))
        elif text == ")" and self._round:
            self._close(self._round, _ROUND)
        elif text == "]" and self._square:
            self._close(self._square, _SQUARE)
        else:
            self._pieces.extend(_words(text, place))

    def end(self) -> list[_Piece]:
        """Close what is open, and give the pieces."""
        while self._round:
            self._close(self._round, _ROUND)
        while self._square:
            self._close(self._square, _SQUARE)
        return self._pieces

    def _close(self, opened: list[int], factor: float) -> None:
        for piece in self._pieces[opened.pop() :]:
            piece.weigh(factor)


def _words(text: str, place: int) -> Iterator[_Piece]:
    end = 0
    for found in _BREAK.finditer(text):
        yield _Piece(text[end : found.start()], place + end)
        yield _Piece("", place + found.start(), is_break=True)
        end = found.end()
    yield _Piece(text[end:], place + end)


def _passages(pieces: Iterable[_Piece]) -> list[list[_Piece]]:
    passages: list[list[_Piece]] = [[]]
    for piece in pieces:
        if piece.is_break:
            passages.append([])
        else:
            passages[-1].append(piece)
    return passages


def _merged(pieces: Iterable[_Piece]) -> Passage:
    """Join neighbours of one weight, so that a word in two of them is one to the tokenizer."""
    written = [piece for piece in pieces if piece.text]
    runs = [(weight, list(run)) for weight, run in groupby(written, lambda piece: piece.weight)]
    return tuple(Span(_text(run), weight, _places(run)) for weight, run in runs)


def _text(run: Iterable[_Piece]) -> str:
    return "".join(piece.text for piece in run)


def _places(run: Iterable[_Piece]) -> tuple[int, ...]:
    return tuple(piece.place + index for piece in run for index in range(len(piece.text)))


def _bounded(weight: float) -> float:
    return max(-LARGEST_WEIGHT, min(LARGEST_WEIGHT, weight))
