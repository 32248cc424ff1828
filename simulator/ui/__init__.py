"""The handset in a terminal. Importing this needs Textual: only `ussd handset` and `ussd demo` do."""
