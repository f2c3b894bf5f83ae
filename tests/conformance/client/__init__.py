"""What the checker speaks with: written from docs/codes.md and the OpenAPI documents alone, with Python's own library."""
