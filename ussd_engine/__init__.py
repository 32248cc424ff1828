"""A USSD engine: menus in YAML compile to finite state machines; a dialogue is a small value between turns."""
