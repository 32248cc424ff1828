"""How the handset's network speaks to a service: one module for each wire."""
