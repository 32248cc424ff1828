"""A gateway described in YAML or in the settings, without Python; `forms/` holds the ones that come along."""
