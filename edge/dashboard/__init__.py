"""The page: what the service tells, seen in a browser. Nothing here is imported unless the page is served."""
