"""ST-GCN++ on the bones of NW-UCLA, trained as on the joints."""

_base_ = './stgcnpp.py'
modality = 'b'
