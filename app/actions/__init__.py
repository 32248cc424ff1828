"""What the menus' action names do."""
