"""How the parser process and its parent talk: lengths, then bytes."""

from __future__ import annotations

import struct

QUESTION = struct.Struct(">II")
"""Lengths of a question (JSON) and of the body that follows it."""
ANSWER = struct.Struct(">I")
"""Length of an answer (JSON)."""
