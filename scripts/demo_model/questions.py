"""The sixty questions of the check; the shapes' combinations are never shown in training."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from .check import Box, Question
from .description import article
from .paint_shapes import SHAPES, held_out
from .palette import PALETTE

FRUIT_BODY: Sequence[Box] = ((0.43, 0.56, 0.57, 0.7),)
TABLE: Sequence[Box] = ((0.12, 0.72, 0.26, 0.85), (0.76, 0.72, 0.9, 0.85))
FUR: Sequence[Box] = ((0.34, 0.26, 0.66, 0.34), (0.33, 0.36, 0.4, 0.42), (0.6, 0.36, 0.67, 0.42))
MAT: Sequence[Box] = ((0.1, 0.79, 0.24, 0.84),)
SKY: Sequence[Box] = ((0.05, 0.08, 0.95, 0.45),)
LAND: Sequence[Box] = ((0.05, 0.8, 0.95, 0.98),)
WALL: Sequence[Box] = ((0.4, 0.58, 0.6, 0.66),)
GRASS: Sequence[Box] = ((0.05, 0.88, 0.95, 0.98),)

WARM = frozenset({"red", "orange", "yellow", "pink", "purple", "brown"})
DARK = frozenset({"black", "blue", "purple"})
DUSKY = DARK | {"brown", "gray", "red"}
SKY_BLUE = frozenset({"blue", "cyan", "white", "gray"})


def held_out_questions() -> list[Question]:
    """Give the questions, about shapes and about everything else in turn."""
    return [
        question
        for group in zip(_shapes(), [*_fruit(), *_pets(), *_places()], strict=True)
        for question in group
    ]


def _shapes() -> list[Question]:
    unseen = [
        (colour, shape, ground)
        for colour, shape, ground in product(PALETTE, SHAPES, PALETTE)
        if colour != ground and held_out(colour, shape, ground)
    ]
    order = np.random.default_rng(0).permutation(len(unseen))[:30]
    return [
        Question(
            f"{article(colour)} {colour} {shape} on {article(ground)} {ground} background",
            seed,
            frozenset({colour}),
            frozenset({ground}),
        )
        for seed, (colour, shape, ground) in enumerate(unseen[index] for index in order)
    ]


def _fruit() -> list[Question]:
    wanted = (
        ("red apple", "red", "white"),
        ("green apple", "green", "brown"),
        ("yellow apple", "yellow", "blue"),
        ("red apple", "red", "black"),
        ("orange", "orange", "green"),
        ("lemon", "yellow", "purple"),
        ("lime", "green", "pink"),
        ("plum", "purple", "yellow"),
        ("green pear", "green", "orange"),
        ("yellow pear", "yellow", "gray"),
        ("strawberry", "red", "cyan"),
        ("plum", "purple", "white"),
    )
    return [
        Question(
            f"{article(fruit)} {fruit} on {article(table)} {table} table",
            100 + seed,
            frozenset({colour}),
            frozenset({table}),
            FRUIT_BODY,
            TABLE,
        )
        for seed, (fruit, colour, table) in enumerate(wanted)
    ]


def _pets() -> list[Question]:
    wanted = (
        ("orange", "blue"),
        ("black", "red"),
        ("white", "green"),
        ("gray", "pink"),
        ("brown", "yellow"),
        ("black", "white"),
        ("orange", "purple"),
        ("white", "brown"),
    )
    return [
        Question(
            f"{article(fur)} {fur} cat on {article(mat)} {mat} mat",
            200 + seed,
            frozenset({fur}),
            frozenset({mat}),
            FUR,
            MAT,
        )
        for seed, (fur, mat) in enumerate(wanted)
    ]


def _places() -> list[Question]:
    green = frozenset({"green"})
    walls = ("red", "white", "yellow", "pink")
    houses = [
        Question(f"a {wall} house", 300 + seed, frozenset({wall}), green, WALL, GRASS)
        for seed, wall in enumerate(walls)
    ]
    views = [
        Question(caption, 400 + seed, sky, land, SKY, LAND)
        for seed, (caption, sky, land) in enumerate(
            (
                ("a beautiful sunset over mountains, digital art", WARM, DUSKY),
                ("sunset over the sea", WARM, DUSKY | {"pink"}),
                ("a starry night over the mountains", DARK, DARK),
                ("the sea at night", DARK, DARK),
                ("the sea on a sunny day", SKY_BLUE, frozenset({"blue", "cyan"})),
                ("a sunny day over green hills", SKY_BLUE, green),
            )
        )
    ]
    return [*houses, *views]
