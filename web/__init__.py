"""Web pages: templates, modules, styles and their translations."""
