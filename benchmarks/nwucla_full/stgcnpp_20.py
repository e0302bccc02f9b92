"""ST-GCN++ on the joints of NW-UCLA with twice the schedule."""

_base_ = './stgcnpp.py'
total_epochs = 20
