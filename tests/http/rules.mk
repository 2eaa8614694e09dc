# HTTP and TLS: the client under test is an app of tests/e2e.
NEEDS_http = build/e2e/fetch/fetch.wasm
