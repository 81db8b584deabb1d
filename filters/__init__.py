"""Text or table in, signals or a verdict out: language, rules, licence, imports."""
