"""A world for stories: factory, phones, forgers."""
