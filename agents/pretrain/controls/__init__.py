"""Controls that no paper proposes."""
