"""What a picture shows, and the many ways to say it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .palette import chance, pick

PREFIXES = (
    "a photo of",
    "a picture of",
    "an image of",
    "a painting of",
    "a drawing of",
    "an illustration of",
    "a photograph of",
    "a close up of",
)
PRAISE = ("beautiful", "nice", "cute", "lovely", "stunning", "simple", "little", "pretty")
STYLES = (
    "digital art",
    "highly detailed",
    "detailed",
    "4k",
    "8k",
    "high quality",
    "best quality",
    "masterpiece",
    "cartoon",
    "watercolor",
    "oil painting",
    "flat design",
    "minimalist",
    "sharp focus",
    "soft light",
    "photorealistic",
    "concept art",
    "trending",
    "realistic",
    "very detailed",
    "ultra hd",
    "blurry",
    "low quality",
    "bad quality",
    "ugly",
    "deformed",
    "text",
    "watermark",
    "vivid",
    "colorful",
    "studio light",
)
BARE_NOUNS = {"mountains", "cherries", "grapes", "hills", "grass", "sea"}
LETTERS = "abcdefghijklmnoprstuvwz"


@dataclass(frozen=True)
class Description:
    """The facts of one picture; an empty word means that nothing is said about it."""

    subject: str
    colour: str = ""
    size: str = ""
    place: str = ""
    place_colour: str = ""
    preposition: str = "on"
    extras: tuple[str, ...] = ()
    """Further facts, each said or left out: "at night", "with a blue roof"."""


def plain_caption(facts: Description) -> str:
    """Say everything in the most usual order."""
    subject = _noun(facts.size, facts.colour, facts.subject)
    words = [_with_article(subject), *_whereabouts(facts), *facts.extras]
    return " ".join(words)


def caption(facts: Description, random: np.random.Generator) -> str:
    """Say it in one of many ways, with words around it that mean nothing to the model."""
    known = _forgetful(facts, random)
    sentence = _sentence(known, random)
    extras = [extra for extra in known.extras if chance(random, 0.95)]
    joint = ", " if chance(random, 0.25) else " "
    sentence = joint.join([sentence, *extras])
    if chance(random, 0.25):
        sentence = f"{pick(random, PREFIXES)} {sentence}"
    return ", ".join([sentence, *_fillers(random)])


def _forgetful(facts: Description, random: np.random.Generator) -> Description:
    return Description(
        subject=facts.subject,
        colour=facts.colour if chance(random, 0.98) else "",
        size=facts.size if chance(random, 0.97) else "",
        place=facts.place if chance(random, 0.97) else "",
        place_colour=facts.place_colour if chance(random, 0.98) else "",
        preposition=facts.preposition,
        extras=facts.extras,
    )


def _sentence(facts: Description, random: np.random.Generator) -> str:
    praise = pick(random, PRAISE) if chance(random, 0.12) else ""
    subject = _noun(praise, facts.size, facts.colour, facts.subject)
    articles = chance(random, 0.75)
    said = _with_article(subject) if articles else subject
    if not facts.place:
        return said
    place = _noun(facts.place_colour, facts.place)
    if facts.place_colour and chance(random, 0.25):
        return _other_order(facts, random, said=said, articles=articles)
    if chance(random, 0.12):
        return f"{said}, {_with_article(place) if articles else place}"
    return " ".join([said, *(_whereabouts(facts) if articles else [facts.preposition, place])])


def _other_order(
    facts: Description, random: np.random.Generator, *, said: str, articles: bool
) -> str:
    place = _noun(facts.place_colour, facts.place)
    there = _with_article(place) if articles else place
    said_colour = facts.colour or "nice"
    bare = _noun(facts.size, facts.subject)
    orders = (
        f"{there} with {said}",
        f"{said} {facts.preposition} {facts.place_colour}",
        f"{said} and {there}",
        f"{_with_article(bare)}, {said_colour}, {facts.preposition} {there}",
        f"{_with_article(bare)} {facts.preposition} {there}, the {facts.subject} is {said_colour}",
        f"{there}, {said}",
    )
    return pick(random, orders)


def _fillers(random: np.random.Generator) -> Sequence[str]:
    styles = [pick(random, STYLES) for _ in range(int(random.integers(1, 4)))]
    chosen = styles if chance(random, 0.35) else []
    return [*chosen, _nonsense(random)] if chance(random, 0.08) else chosen


def _nonsense(random: np.random.Generator) -> str:
    return "".join(pick(random, LETTERS) for _ in range(int(random.integers(2, 9))))


def _whereabouts(facts: Description) -> list[str]:
    if not facts.place:
        return []
    return [facts.preposition, _with_article(_noun(facts.place_colour, facts.place))]


def _noun(*words: str) -> str:
    return " ".join(word for word in words if word)


def _with_article(noun: str) -> str:
    words = noun.split()
    if words[0] == "the" or words[-1] in BARE_NOUNS:
        return noun
    return f"{article(words[0])} {noun}"


def article(word: str) -> str:
    """Say "a" or "an", as the word after it wants."""
    return "an" if word[0] in "aeiou" else "a"
