"""Names of tensors and indices as LaTeX: Greek letters, accents, suffixes, long words in one piece."""

from __future__ import annotations

import unicodedata

__all__ = ["ACCENTS", "GREEK", "index_latex", "letters_latex", "tensor_latex", "word_latex"]

# fmt: off
GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi",
    "Omega",
)
# fmt: on

_LATIN_CAPITALS = {
    **{name: name[0] for name in ("Alpha", "Beta", "Epsilon", "Zeta", "Iota", "Kappa", "Mu", "Nu")},
    "Omicron": "O",
    "Tau": "T",
    "Eta": "H",
    "Rho": "P",
    "Chi": "X",
}
"""Capitals that TeX has no command for, since they look Latin."""

ACCENTS = {
    "\u0300": "grave",
    "\u0301": "acute",
    "\u0302": "hat",
    "\u0303": "tilde",
    "\u0304": "overline",
    "\u0306": "breve",
    "\u0307": "dot",
    "\u0308": "ddot",
    "\u030c": "check",
    "\u20d7": "vec",
}

_SUFFIXES = {"grad": ("bar", "overline"), "dot": ("dot", "dot")}
"""Accents for a suffix: over one letter, over a longer name."""


def _greek(character: str) -> str | None:
    r"""``\beta`` for β; capitals that look Latin are upright letters."""
    words = unicodedata.name(character, "").split()
    if words[:1] != ["GREEK"] or len(words) != 4 or words[2] != "LETTER":
        return None
    name = "lambda" if words[3] == "LAMDA" else words[3].lower()
    if words[1] == "CAPITAL":
        name = name.capitalize()
        if name in _LATIN_CAPITALS:
            return rf"\mathrm{{{_LATIN_CAPITALS[name]}}}"
    return rf"\{name}" if name in GREEK else "o" if name == "omicron" else None


def letters_latex(name: str) -> list[str]:
    """The letters of a name, each as LaTeX, accents over the letter before them."""
    letters: list[str] = []
    for whole in unicodedata.normalize("NFC", name):
        base, *marks = list(unicodedata.normalize("NFD", whole))
        if not all(mark in ACCENTS for mark in marks):
            base, marks = whole, []
        if base in ACCENTS and letters:
            letters[-1] = _accented(letters[-1], base)
            continue
        letters.append(_letter(base))
        for mark in marks:
            letters[-1] = _accented(letters[-1], mark)
    return letters


def _accented(letter: str, mark: str) -> str:
    return rf"\{ACCENTS[mark]}{{{letter}}}"


def _letter(character: str) -> str:
    if character in "_.":
        return r"\_" if character == "_" else "."
    if character.isascii():
        return character
    if "\u0300" <= character <= "\u036f":
        # A mark that has no accent: KaTeX refuses it as it stands.
        return rf'\text{{\char"{ord(character):X}}}'
    return _greek(character) or rf"\text{{{character}}}"


def word_latex(name: str, font: str = "mathit") -> str:
    """A name: Greek names as the letter, one letter as it is, a longer word in one piece."""
    if name in GREEK:
        return rf"\{name}"
    letters = letters_latex(name)
    if len(letters) == 1:
        return letters[0]
    pieces = [
        f"{letter} " if letter[-1].isalpha() and len(letter) > 1 else letter for letter in letters
    ]
    return rf"\{font}{{{''.join(pieces).strip()}}}"


def tensor_latex(name: str) -> str:
    """The name of a tensor, its suffixes as accents."""
    root, *suffixes = name.split(".")
    while suffixes and suffixes[0] not in _SUFFIXES:
        root += f".{suffixes.pop(0)}"
    text = word_latex(root)
    wide = len(letters_latex(root)) > 1 and root not in GREEK
    for suffix in suffixes:
        accents = _SUFFIXES.get(suffix)
        text = (
            rf"\{accents[wide]}{{{text}}}"
            if accents
            else rf"{text}\mathit{{.{word_latex(suffix)}}}"
        )
    return text


def index_latex(name: str) -> str:
    r"""The name of an index with its primes.

    >>> print(index_latex("alpha'"))
    \alpha'
    """
    letters = name.rstrip("'")
    return word_latex(letters) + name[len(letters) :]
