"""What `/openapi.json` says beyond the routes' own signatures, for every route there is."""
