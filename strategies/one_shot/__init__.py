"""One-shot strategies: one supernet that holds all models of a space is trained, then its best models are looked for.

The parts, from below: `ways` says how labels are decided in a pass, `answers` tells that to the modules of the space,
`supernet` joins them, `module` trains the supernet with the user's task, `strategy` makes a search of it. A method has
a file of its own, which says how labels are decided in each step, and what is trained besides.
"""
