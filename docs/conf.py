"""How Sphinx builds these pages: `make docs`."""

import strongroom

project = "Strongroom"
author = "The Strongroom authors"
copyright = "The Strongroom authors"
version = release = strongroom.__version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"Strongroom {release}"
# The pages work on a machine without a network: nothing in them is fetched from elsewhere.
html_theme_options = {"source_view_link": "", "top_of_page_buttons": []}
html_show_sourcelink = False
