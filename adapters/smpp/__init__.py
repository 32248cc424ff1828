"""SMPP 3.4: one bind to an operator's centre, for SMS and for USSD."""
