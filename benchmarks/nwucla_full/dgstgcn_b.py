"""DG-STGCN on the bones of NW-UCLA, trained as on the joints."""

_base_ = './dgstgcn.py'
modality = 'b'
