"""Who stands where around an act: the places that a rule names, and the actors that stand in them.

Active, passive, nominal, reduced relative, coordinated and light-verb wordings all come out as the same places, so that
a rule only names places: `subject`, `object`, `modifier`, and prepositions by their own word.
"""

from extractors.roles.arguments import Arguments, arguments, phrase
from extractors.roles.cast import Cast, Party

__all__ = ["Arguments", "Cast", "Party", "arguments", "phrase"]
