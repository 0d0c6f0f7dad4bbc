"""The code: its format, keys, runs, symbol; and the life and whereabouts of an item."""
