"""One printer protocol a file, its bytes in a table."""
