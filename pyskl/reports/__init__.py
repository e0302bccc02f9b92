"""What a run did: curves, confusion, comparison, the grid of Ske2Grid, and a page of it all."""
