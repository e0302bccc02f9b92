"""ST-GCN++ on the bone motion of NW-UCLA, trained as on the joints."""

_base_ = './stgcnpp.py'
modality = 'bm'
