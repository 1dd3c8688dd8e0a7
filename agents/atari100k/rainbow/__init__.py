"""Data-efficient Rainbow without auxiliary losses."""
