"""YAML text in, a compiled menu or a list of problems out. Takes text and a name, never opens a file."""
