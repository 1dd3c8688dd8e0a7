"""Teacher compute budgets: a world that splits multiply-adds between teachers and a student."""
