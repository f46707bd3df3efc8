// check-answers OPENAPI RECORDING…: what record-http wrote down of control's connections is as
// OPENAPI says: path, method, status, header fields, type and body of every answer, and of every
// request that was taken. Members that no schema describes are wrong too. Prints what is wrong, and
// at the end how many answers there were; none is wrong as well.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { exchanges } from "./recording.mjs";

const [file, ...recordings] = process.argv.slice(2);
const api = JSON.parse(readFileSync(file, "utf8"));
const own = new Set(["date", "connection", "content-length", "content-type", "transfer-encoding"]);
// Before a request has found its route.
const anywhere = { 400: "bad_request", 408: "too_slow", 411: "no_length", 413: "body_too_large", 421: "misdirected", 429: "too_many_requests",
                   431: "header_too_large", 500: "internal", 503: "timeout" };

const resolve = (node) =>
    node?.$ref ? resolve(node.$ref.slice(2).split("/").reduce((at, key) => at[key.replace(/~1/g, "/").replace(/~0/g, "~")], api)) : node;

// Answers: unknown members are wrong even where clients must accept them.
function close(node) {
    if (Array.isArray(node)) node.forEach(close);
    else if (node && typeof node === "object") {
        if (node.properties && node.type) node.additionalProperties ??= false;
        Object.values(node).forEach(close);
    }
}
close(api);
const ajv = new Ajv({ strict: false, allErrors: false });
addFormats(ajv);
ajv.addSchema(api, "api");
const compiled = new Map();
// The fault of `value` by the schema at the JSON pointer, or undefined.
function fault(pointer, value) {
    if (!compiled.has(pointer)) compiled.set(pointer, ajv.compile({ $ref: `api#${pointer}` }));
    const check = compiled.get(pointer);
    return check(value) ? undefined : ajv.errorsText(check.errors);
}
const pointer = (...parts) => parts.map((p) => "/" + encodeURIComponent(p.replace(/~/g, "~0").replace(/\//g, "~1"))).join("");

const routes = Object.keys(api.paths)
    .map((path) => ({
        path,
        like: new RegExp("^" + path.replace(/[.]/g, "\\.").replace(/\{[^}]*\}/g, "[^/]+") + "$"),
        literal: path.replace(/\{[^}]*\}/g, "").length,
    }))
    .sort((a, b) => b.literal - a.literal);

function json(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

// An answer that no operation is to blame for: `wanted` is the code of its problem document.
function* problem({ answer }, ...wanted) {
    const body = json(answer.body);
    if (answer.headers["content-type"] !== "application/problem+json") yield "is no problem document";
    const wrong = fault("/components/schemas/problem", body);
    if (wrong) yield wrong;
    else if (!wanted.includes(body.code) || body.status !== answer.status) yield `has the code ${body.code}`;
}

function* asked({ request, answer }, path, method, operation) {
    if (answer.status >= 300 && answer.status !== 304) return;
    if (operation.requestBody) {
        const wrong = fault(pointer("paths", path, method, "requestBody", "content", "application/json", "schema"), json(request.body));
        if (wrong) yield `was given for an undescribed body: ${wrong}`;
    }
    const described = [...(api.paths[path].parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
    const named = (place) => described.filter((p) => p.in === place);
    const query = new URL("https://x" + request.target).searchParams;
    for (const name of query.keys())
        if (!named("query").some((p) => p.name === name)) yield `was given for an undescribed parameter: ${name}`;
    for (const p of named("query")) if (p.required && !query.has(p.name)) yield `was given without ${p.name}`;
    for (const p of named("header"))
        if (p.required && !(p.name.toLowerCase() in request.headers)) yield `was given without ${p.name}`;
}

function* answered({ answer, head }, path, method, operation) {
    const described = resolve(operation.responses[answer.status]);
    if (!described) {
        yield "has an undescribed status";
        return;
    }
    const fields = Object.entries(described.headers ?? {});
    for (const name of Object.keys(answer.headers))
        if (!own.has(name) && !fields.some(([f]) => f.toLowerCase() === name)) yield `has an undescribed field: ${name}`;
    for (const [name, field] of fields)
        if (resolve(field).required && !(name.toLowerCase() in answer.headers)) yield `lacks ${name}`;
    if (head || answer.cut) return;
    const [type] = (answer.headers["content-type"] ?? "").split(";");
    const content = described.content ?? {};
    if (!(type in content)) {
        if (type || answer.body || Object.keys(content).length > 0) yield `has an undescribed type: ${type}`;
        return;
    }
    if (!/json$/.test(type)) return;
    let at = pointer("paths", path, method, "responses", String(answer.status), "content", type, "schema");
    const place = operation.responses[answer.status].$ref;
    if (place) at = place.slice(1) + pointer("content", type, "schema");
    const wrong = fault(at, json(answer.body));
    if (wrong) yield wrong;
}

function* faults(exchange) {
    const { request, answer } = exchange;
    const path = request && routes.find((r) => r.like.test(request.target.split("?")[0]))?.path;
    const method = request?.method.toLowerCase();
    const operation = path && api.paths[path][method === "head" ? "get" : method];
    if (operation) {
        yield* asked(exchange, path, method, operation);
        yield* answered(exchange, path, method, operation);
    } else if (request && answer.status === (path ? 405 : 404)) {
        yield* problem(exchange, path ? "method_not_allowed" : "not_found");
    } else if (anywhere[answer.status]) {
        yield* problem(exchange, anywhere[answer.status]);
    } else yield "has a status for which there is no route";
}

let answers = 0;
const told = new Map(); // each fault once, with the first exchange that has it
for (const recording of recordings)
    for (const exchange of exchanges(readFileSync(recording))) {
        ++answers;
        for (const wrong of faults(exchange)) {
            const { request, answer } = exchange;
            const where = `${request?.method ?? "?"} ${request?.target.replace(/[?].*/, "") ?? "?"}: ${answer.status} ${wrong}`;
            if (!told.has(where)) told.set(where, `${request?.body ?? ""}\n  ${answer.body}`.slice(0, 1500));
        }
    }
for (const [where, bodies] of told) console.log(`${where}\n  ${bodies}`);
if (answers === 0) console.log("no answers were recorded");
else console.log(`${answers} answers, ${told.size} kinds of fault`);
process.exit(answers === 0 || told.size > 0 ? 1 : 0);
