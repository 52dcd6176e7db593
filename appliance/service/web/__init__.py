"""The boundary of a service over HTTP: application, middleware, pages, marked answers."""
