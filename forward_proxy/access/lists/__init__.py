"""Which line of a list holds for this request?  Lists of other people, each compiled to one immutable matcher."""
