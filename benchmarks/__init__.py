"""One file a promise; each prints one JSON line."""
