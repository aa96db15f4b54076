"""What happens inside the parser process: from the bytes of a feed to its entries.

Kept apart from `extractors.feeds`, which starts that process, so that it starts fast and holds little.
"""
