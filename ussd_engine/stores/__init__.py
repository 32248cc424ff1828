"""Session stores: where open dialogues are kept between turns (`ussd_engine.ports.SessionStore`)."""
