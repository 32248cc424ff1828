"""The program: settings, wiring, command line, and the functions behind the menus' action names."""
