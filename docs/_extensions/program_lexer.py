"""Colours for programs in index notation: the language's own table of tokens says where words end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from pygments.lexer import RegexLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, Text

from einprop.notation.lexer import TOKENS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_PATTERNS = dict(TOKENS)
_STATEMENTS = r"^[^\S\n]*(?:index|input|param|output|def|backward|override)(?=[^\S\n]+\w)"


class ProgramLexer(RegexLexer):
    """Statements, functions, names, numbers, signs and comments."""

    name = "einprop"
    aliases: ClassVar = ["einprop"]
    flags = re.MULTILINE
    tokens: ClassVar = {
        "root": [
            (r"#[^\n]*", Comment.Single),
            (_STATEMENTS, Keyword),
            (_PATTERNS["line"], Text),
            (r"[^\S\n]+", Text),
            (_PATTERNS["number"], Number),
            (rf"(?:{_PATTERNS['name']})(?=(?:\[[^\]\n]*\])?\()", Name.Function),
            (_PATTERNS["name"], Name),
            (_PATTERNS["sign"], Operator),
            (r".", Text),
        ]
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Let fences be marked ``einprop``."""
    app.add_lexer("einprop", ProgramLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
