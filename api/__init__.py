"""HTTP service: routers thin as paper over geo."""
