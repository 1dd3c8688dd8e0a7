"""A policy that bets on what it has seen."""
