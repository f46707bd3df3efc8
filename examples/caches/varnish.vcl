# Varnish 7 in front of relay-serve: many viewers who ask for the same at once cost the relay one answer. It
# speaks no TLS: put hitch or another in front. Start it with `-p pipe_timeout=900`, or live.ts ends a minute after
# its publisher was cut.
vcl 4.1;

backend relay {
    .host = "198.51.100.20"; # `http` in relay.toml
    .port = "8080";
    .first_byte_timeout = 20s; # a playlist or part that is not there yet is waited for
}

sub vcl_recv {
    # The relay gives these to its own machine, which Varnish may be.
    if (req.url ~ "^/metrics(\?|$)") {
        return (synth(404));
    }
    # Never ends: each viewer has a connection to the relay, which counts them.
    if (req.url ~ "/live\.ts(\?|$)") {
        return (pipe);
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # The playlist of low latency has what a player waits for in its query. Elsewhere it means nothing.
    if (req.url !~ "/ll\.m3u8\?") {
        set req.url = regsub(req.url, "\?.*$", "");
    }
    return (hash);
}

# The same for all names that this machine has.
sub vcl_hash {
    hash_data(req.url);
    return (lookup);
}

sub vcl_pipe {
    set bereq.http.Connection = "close";
}

sub vcl_backend_response {
    # How long each is kept is as the relay says. What is not to be kept (a refusal, what is below a password) is asked
    # for anew by each.
    if (beresp.http.Cache-Control ~ "no-store|private") {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
    # A player that gets yesterday's playlist for ten seconds more is ten seconds behind. An old one may be asked after by
    # its tag.
    set beresp.grace = 0s;
    set beresp.keep = 10s;
    return (deliver);
}
