"""Formulas as MathML, which browsers draw themselves: a page fetches no script and no font for them."""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

_NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'
# A macron is drawn above a letter by fonts without tables for formulas, too; a modifier letter is not.
_SIGNS = {"&ApplyFunction;": "\u2061", r"\_": "_", "\u02c9": "\u00af"}
_logger = logging.getLogger(__name__)


def mathml(latex: str, *, block: bool) -> str:
    r"""The MathML of a formula.

    Docutils does the work. What it does not know is ``\mathrel``, and ``\_`` in a name; and of
    ``\bar{W}_{ij}`` it makes a bar above and a subscript below.

    Args:
        latex: What stands between the dollar signs.
        block: Whether it stands alone, in lines of its own.

    Raises:
        MathError: It is no LaTeX that docutils reads.
    """
    known = re.sub(r"\\mathrel\{([^{}]*)\}", r"\1", latex)
    text = tex2mathml(known, as_block=block).replace(_NAMESPACE, "")  # HTML knows it.
    for written, drawn in _SIGNS.items():
        text = text.replace(written, drawn)
    tree = ET.fromstring(text)  # noqa: S314  (just written)
    for element in tree.iter("munderover"):
        accent = element[-1]
        if accent.tag == "mo" and accent.get("stretchy") == "false":
            base, below, _ = element
            above = ET.Element("mover")
            above.extend((base, accent))
            element.tag = "msub"
            element[:] = [above, below]
    for parent in tree.iter():
        _join_signs(parent)
    return ET.tostring(tree, encoding="unicode")


def _join_signs(parent: ET.Element) -> None:
    """Make one sign of ``+`` and ``=``."""
    for first, second in list(pairwise(parent)):
        if first.text == "+" and second.text == "=":
            first.text = "+="
            parent.remove(second)


def _draw(translator: HTML5Translator, node: nodes.math | nodes.math_block, tag: str) -> None:
    try:
        drawn = mathml(node.astext(), block=tag == "div")
    except MathError as error:
        _logger.warning("%s: %s", error, node.astext(), location=node)
        drawn = f"<code>{escape(node.astext())}</code>"
    translator.body.append(f'<{tag} class="math">{drawn}</{tag}>')
    raise nodes.SkipNode


def _visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    _draw(translator, node, "span")


def _visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    _draw(translator, node, "div")


def setup(app: Sphinx) -> dict[str, Any]:
    """Make this the one that draws formulas."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
