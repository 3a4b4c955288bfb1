"""Alerts: rules over the store's figures, what fires and what is over, and the messages that say so."""
