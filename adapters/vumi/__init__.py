"""Vumi Go and Junebug: messages in, messages out."""
