"""Plain nn.Modules, not registered; torch only."""
