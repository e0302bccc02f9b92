"""ST-GCN++ on the joint motion of NW-UCLA, trained as on the joints."""

_base_ = './stgcnpp.py'
modality = 'jm'
