"""Help: a text for each page, the glossary, keys, and the search over a workspace."""
