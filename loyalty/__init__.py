"""The points and the people."""
