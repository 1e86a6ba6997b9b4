"""The one HTTP server: small, bounded, for the page and for the metrics. It knows neither of them."""
