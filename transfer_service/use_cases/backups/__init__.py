"""A copy of the whole service, and how it is put back: restore is code, not a page of advice."""
