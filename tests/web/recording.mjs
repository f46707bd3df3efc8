// Reads what tests/tools/record-http.cpp wrote: HTTP/1.1 requests with their answers.

function* records(bytes) {
    for (let at = 0; at < bytes.length; ) {
        const line = bytes.indexOf(10, at);
        if (line < 0) return; // its process was killed
        const [pid, connection, what, length] = bytes.toString("latin1", at, line).split(" ");
        at = line + 1 + Number(length) + 1;
        yield { key: `${pid} ${connection}`, what, data: bytes.subarray(line + 1, at - 1) };
    }
}

// One message from the front of `bytes`; undefined when its head is not whole. `cut`: its body is not.
function message(bytes, { bodyless = () => false } = {}) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const [start, ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
    const headers = {};
    for (const line of lines) {
        const [, name, value] = line.match(/^([^:]*):[ \t]*(.*?)[ \t]*$/) ?? [];
        if (name) headers[name.toLowerCase()] = name.toLowerCase() in headers ? `${headers[name.toLowerCase()]}, ${value}` : value;
    }
    const out = { start, headers, body: "", cut: false, next: end + 4 };
    if (bodyless(start)) return out;
    if (/chunked/i.test(headers["transfer-encoding"] ?? "")) return chunked(bytes, out);
    const length = Number(headers["content-length"] ?? 0);
    out.next += length;
    out.cut = out.next > bytes.length;
    out.body = bytes.toString("utf8", end + 4, out.next);
    return out;
}

function chunked(bytes, out) {
    for (;;) {
        const line = bytes.indexOf("\r\n", out.next);
        const size = line < 0 ? NaN : parseInt(bytes.toString("latin1", out.next, line), 16);
        out.cut = Number.isNaN(size) || line + 2 + size + 2 > bytes.length;
        if (out.cut) return out;
        out.body += bytes.toString("utf8", line + 2, line + 2 + size);
        out.next = line + 2 + size + 2;
        if (size === 0) return out;
    }
}

// All messages of one direction.
function* messages(pieces, options) {
    for (let bytes = Buffer.concat(pieces); bytes.length > 0; ) {
        const one = message(bytes, options);
        if (!one) return;
        yield one;
        bytes = bytes.subarray(Math.min(one.next, bytes.length));
    }
}

function* connection({ into, out }) {
    const requests = [...messages(into)].map((m) => {
        const [method, target] = m.start.split(" ");
        return { method, target: target ?? "", headers: m.headers, body: m.body };
    });
    const heads = requests.map((r) => r.method === "HEAD");
    let n = 0;
    const bodyless = (start) => / (1\d\d|204|304) /.test(start + " ") || heads[n];
    for (const m of messages(out, { bodyless })) {
        const status = Number(m.start.split(" ")[1]);
        if (status < 200) continue;
        const answer = { status, headers: m.headers, body: m.body, cut: m.cut };
        yield { request: requests[n], answer, head: heads[n] ?? false };
        ++n;
    }
}

// Of all connections: {request: {method, target, headers, body} or undefined, answer: {status, headers, body, cut}, head}.
export function* exchanges(bytes) {
    const open = new Map();
    for (const { key, what, data } of records(bytes)) {
        if (what === "new" && open.has(key)) {
            yield* connection(open.get(key));
            open.delete(key);
        }
        if (!open.has(key)) open.set(key, { into: [], out: [] });
        if (what !== "new") open.get(key)[what === "in" ? "into" : "out"].push(data);
    }
    for (const one of open.values()) yield* connection(one);
}
