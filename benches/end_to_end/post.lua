-- What wrk sends: a 300-byte body, the size of a small webhook.
wrk.method = "POST"
wrk.body = string.rep("x", 300)
wrk.headers["Content-Type"] = "application/json"
