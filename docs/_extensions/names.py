"""Names in docstrings, written as their module knows them, lead to where the site documents them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def nearest(target: str, context: str, documented: list[str]) -> str | None:
    """The documented name that ends as the target does and begins most like it or like its context.

    ``einprop.program.Program`` is documented as ``einprop.Program``; ``Affine`` in a docstring of
    ``einprop.layers`` is that package's. None: there is no such name, or several are as near.
    """
    for written in (target, target.rpartition(".")[2]):
        found = [name for name in documented if f".{name}".endswith(f".{written}")]
        if found:
            break
    near = (target if target.startswith("einprop.") else context).split(".")
    shared = {name: _common(name.split("."), near) for name in found}
    best = [name for name in found if shared[name] == max(shared.values())]
    return best[0] if len(best) == 1 else None


def _common(one: list[str], other: list[str]) -> int:
    """How many parts two names begin with alike."""
    same = [a == b for a, b in zip(one, other, strict=False)]
    return [*same, False].index(False)


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    if node.get("refdomain") != "py" or not node["reftarget"]:
        return None
    objects = {n: o for n, o in env.domains.python_domain.objects.items() if not o.aliased}
    context = ".".join(filter(None, (node.get("py:module"), node.get("py:class"))))
    name = nearest(node["reftarget"], context, list(objects))
    if name is None:
        return None
    entry = objects[name]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Look for what Sphinx did not find."""
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
