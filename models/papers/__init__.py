"""The systems of the papers behind this project, built small and measured by their split and by people."""
