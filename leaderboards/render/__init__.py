"""One table, many renderings."""
