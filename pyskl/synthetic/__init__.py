"""The bundled data: people who do what a formula says."""
