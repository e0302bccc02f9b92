"""Short names of models and configs."""


def short_name(name: str) -> str:
    """Leave out the parts of a name that need not be typed: ``ctrgcn_pyskl_ntu60/j`` is ``ctrgcn_ntu60/j``."""
    return name.replace('_pyskl', '').replace('_stgcn2cn', '').lower()
