"""The parts of the recall loop: pure functions over tables, without an engine and without files."""
