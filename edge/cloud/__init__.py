"""The cloud as this node sees it: calls, keys, nudges, questions, what holds while it is away."""
