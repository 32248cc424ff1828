"""All SQL of the money domain. Functions here read and write rows; the rules that call them live outside."""
