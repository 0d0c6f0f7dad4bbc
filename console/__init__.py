"""Screens for brand operations, marketing, production and the line."""
