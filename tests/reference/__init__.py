"""Independent references in NumPy, float64: what the labs' tests compare with."""
