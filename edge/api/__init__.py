"""The public API; its names are handed on by the package `edge` itself."""
