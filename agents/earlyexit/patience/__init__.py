"""Leave when several exits in a row agree (PABEE)."""
