"""Lines to centres and switches, and what goes out over them by itself."""
