"""The menus in use: found, read anew, kept for dialogues on older ones."""
