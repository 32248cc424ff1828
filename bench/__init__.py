"""How fast it is, beside what the machine allows and what others reach: `python -m bench`. No test."""
