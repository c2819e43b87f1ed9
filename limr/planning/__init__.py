"""A run's arithmetic: memory, steps and visits, from its YAML alone."""
