"""A mixture of surprises with tables, and its parts: explore or control alone."""
