"""Settings of the site; `docs/build_site.py` lays the sources out and calls Sphinx with them."""

from importlib.metadata import version as version_of

project = "gene-brain-fusion"
author = "the authors of gene-brain-fusion"
copyright = "the authors of gene-brain-fusion, Apache-2.0"
version = release = version_of("gene-brain-fusion")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}  # made pages take the first

myst_heading_anchors = 4
myst_enable_extensions = ["smartquotes"]
nb_execution_mode = "off"  # build_site.py executes those that can be, so that a failure says which
nb_merge_streams = True

default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's own lines say types, with their shapes
numpydoc_show_class_members = False
copybutton_prompt_text = "$ "

html_theme = "pydata_sphinx_theme"
html_title = "gene-brain-fusion"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "navbar_align": "left",
}
html_sidebars = {"index": []}
