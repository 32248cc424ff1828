"""The pure heart: menus as values, one session, one step. No sockets, files, clocks or async here."""
