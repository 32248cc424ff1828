"""MTN MADAPI: JSON with a numbered messageType."""
