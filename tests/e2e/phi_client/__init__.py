"""Clients of the suite written from the interface documents alone; nothing here comes from the suite's own code."""
