"""From the bytes of a feed to its entries."""

from extractors.feeds.pages import FoundFeed
from extractors.feeds.parser import ParsedFeed, Parser

__all__ = ["FoundFeed", "ParsedFeed", "Parser"]
