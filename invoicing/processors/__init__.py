"""Card processors: each implements `invoicing.ports.CardProcessor`."""
