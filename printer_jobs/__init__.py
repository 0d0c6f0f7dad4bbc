"""The factory line: print, inspect, pack."""
