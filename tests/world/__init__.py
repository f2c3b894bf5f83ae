"""A province made from public shapes, and its truth: see README.md."""
