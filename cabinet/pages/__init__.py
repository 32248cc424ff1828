"""The cabinet's and the app's pages: Jinja on the server, htmx in the browser, everything from here (CSP)."""
