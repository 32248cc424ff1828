"""The operators' pages at `/admin/`: a credential of their own, and whoever looks leaves a trace."""
