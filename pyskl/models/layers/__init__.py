"""Plain nn.Modules, known to no registry; torch only."""
