"""Short names of models."""

from pyskl.zoo.names import short_name


def test_names_of_toolbox_and_module_are_left_out():
    assert short_name('ctrgcn_pyskl_ntu60_xsub_hrnet/j') == 'ctrgcn_ntu60_xsub_hrnet/j'
    assert short_name('d5_stgcn2cn_pyskl_ntu60_xsub_hrnet/j') == 'd5_ntu60_xsub_hrnet/j'
    assert short_name('Ske2Grid/d5_stgcn2cn_nwucla/b') == 'ske2grid/d5_nwucla/b'
