"""What came out, for people: numbers, tables and figures."""
