"""A learned second opinion on what the rules found: did it happen, what did they miss, and who did it to whom.

Four small models, trained by `benchmarks/train_second_opinion.py` and kept in one file of weights:

1. `n-grams`: logistic regression on hashed stems and pairs of stems, actors replaced by their class;
2. `nets`: word vectors, three ever wider convolutions over the neighbours of each word, and an attention of its own
   for each (type, modality); the word it attends to most is the evidence of a proposal;
3. `judge`: logistic regression on the two above and on the rules' findings (frame, cues, ties, parties), one for each
   modality;
4. `cast`: logistic regression on where each actor stands around an act, one for each role.

The first two read words only, never a parse, so that the opinion is the same whatever the gate let through.
"""
