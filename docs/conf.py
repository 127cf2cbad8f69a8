"""How the documentation is built: ``python -m sphinx -W -b html docs docs/_build``."""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE.parent), str(_HERE / "_extensions")]

import einprop  # noqa: E402  (the folder above is on the path only now)

project = "einprop"
author = "einprop contributors"
release = version = einprop.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "linked_files",
    "mathml",
    "names",
    "program_lexer",
    "properties",
    "source_links",
    "written_types",
]
exclude_patterns = ["_build"]

# Every name that a docstring marks by backticks, and every type, leads somewhere or is a warning.
default_role = "py:obj"
nitpicky = True
# What other libraries document, and what a program's tree and plan are made of.
nitpick_ignore_regex = [
    (r"py:.*", r"(np|npt|numpy|collections|contextlib|os|pathlib|types|typing)\..*"),
    (
        r"py:.*",
        r"Any|Callable|Figure|Generic|Iterable|Iterator|Mapping|NamedTuple|Path|PathLike|Self",
    ),
    (r"py:.*", r"Sequence|Array|ArrayLike|DTypeLike|NDArray|Data"),
    (r"py:.*", r"(einprop\.\w+\.)*(Clip|Equation|Recipe|Resolved|Schedule|Sizes|Statement|Update)"),
]
suppress_warnings = ["toc.not_readable"]  # a page may be listed before it is written

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # they stand in the lists of arguments, as the source writes them
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "einprop"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/mark.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
