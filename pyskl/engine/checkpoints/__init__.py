"""Read checkpoints, match them with a network, and convert those of other toolboxes."""
