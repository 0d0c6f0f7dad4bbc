"""Stories on real screens: a Chromium, a phone and a desk in front of a running house."""
