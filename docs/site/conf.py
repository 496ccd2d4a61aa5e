"""How Sphinx builds the site. `make docs` gathers the sources first (build.py)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from ftl import FtlLexer  # noqa: E402
from signatures import signatures  # noqa: E402

import webhook_stream  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "webhook_stream"
author = "the webhook_stream authors"
release = webhook_stream.__version__
html_title = f"webhook_stream {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
nitpicky = False
suppress_warnings: list[str] = []

# What is documented without being installed here: only its names are needed.
autodoc_mock_imports = [
    name for name in ("airflow", "coverage") if importlib.util.find_spec(name) is None
]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
add_module_names = False

html_theme = "furo"
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
templates_path: list[str] = []
html_theme_options: dict[str, Any] = {
    "navigation_with_keys": False,
    "light_css_variables": {
        "color-brand-primary": "#1d4ed8",
        "color-brand-content": "#1d4ed8",
        "color-brand-visited": "#1d4ed8",
    },
    "dark_css_variables": {
        "color-brand-primary": "#8ab4ff",
        "color-brand-content": "#8ab4ff",
        "color-brand-visited": "#8ab4ff",
    },
}


def typed(
    _app: Sphinx,
    _what: str,
    name: str,
    _object: object,
    _options: object,
    shown: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Return the signature of the stub for what the compiled module gives without types."""
    short = name.removeprefix("webhook_stream.")
    return SIGNATURES.get(short, (shown, returned))


SIGNATURES = signatures()


def setup(app: Sphinx) -> None:
    """Add the colours of templates and the types of the Rust half."""
    app.add_lexer("ftl", FtlLexer)
    app.connect("autodoc-process-signature", typed)
