# Makes openapi.json of the *.json here and the schemas of lib/wire/schemas:
#   jq -n -f bundle.jq FILES…
# Files merge. What many operations share is said once, here; an operation says only its own, with
#   "for": ["distributor", …]  who may; it is signed then. "newcomer": signed by a key not yet known
#   "body": SCHEMA             of the request, JSON
#   "query": {NAME: PARAMETER} a parameter's schema, "required" and "description"
#   "answers": {STATUS: {"description", "schema" or "content", "headers"}}
#   "codes": {STATUS: [CODE, …]}   refusals of its own
# and everything else as OpenAPI has it. A reference to NAME.schema.json stays one.

# "common.schema.json#/$defs/x" → "#/components/schemas/common/$defs/x"; within a schema of its own: "#/…".
def at_home($name):
  walk(if type == "object" and (.["$ref"] | type) == "string" then
         .["$ref"] |= (if startswith("#/components/") then .
                       elif startswith("#") then "#/components/schemas/\($name)" + .[1:]
                       else capture("^(?<file>[a-z-]+)\\.schema\\.json(#(?<rest>.*))?$")
                            | "#/components/schemas/" + .file + (.rest // "")
                       end)
       else . end);

def refs: [.. | objects | .["$ref"]? | strings
           | capture("^#/components/schemas/(?<name>[a-z-]+)").name] | unique;

# Of $all schemas those that are needed, and what they need.
def reachable($all):
  def grow: . as $known | ([.[] | $all[.] // error("no schema \(.)") | refs] | add // [] | . + $known | unique)
            | if . == $known then . else grow end;
  grow | map({key: ., value: $all[.]}) | from_entries;

def union: reduce .[] as $one ({}; reduce ($one | to_entries[]) as $e (.; .[$e.key] = ((.[$e.key] // []) + $e.value | unique)));

def reasons: {
  "304": "Not Modified", "400": "Bad Request", "401": "Unauthorized", "403": "Forbidden", "404": "Not Found",
  "405": "Method Not Allowed", "408": "Request Timeout", "409": "Conflict", "410": "Gone", "411": "Length Required", "412": "Precondition Failed",
  "413": "Content Too Large", "421": "Misdirected Request", "422": "Unprocessable Content",
  "428": "Precondition Required", "429": "Too Many Requests", "431": "Request Header Fields Too Large",
  "500": "Internal Server Error", "503": "Service Unavailable" };

# The refusals of an operation, with those that all of its kind share.
def codes($method):
  [ .codes // {},
    {"400": ["bad_request"], "421": ["misdirected"], "431": ["header_too_large"], "408": ["too_slow"],
     "411": ["no_length"], "413": ["body_too_large"], "429": ["too_many_requests"], "500": ["internal"], "503": ["storage", "timeout"]},
    (if .for then {"400": ["bad_digest"], "401": ["unsigned", "bad_signature", "signature_expired"]} else {} end),
    (if .for and .for != ["newcomer"] then {"401": ["unknown_key", "revoked_key", "replayed"], "403": ["wrong_role", "not_permitted"]} else {} end),
    (if $method == "post" or $method == "patch" then {"400": ["idempotency_key_missing", "idempotency_key_bad"]} else {} end),
    (if ($method == "post" or $method == "patch") and .for != ["newcomer"] then {"422": ["idempotency_key_reused"]} else {} end),
    (if .body then {"400": ["bad_json"], "422": ["invalid_request"]} else {} end)
  ] | union;

def problem($status; $codes):
  { description: ((reasons[$status] // error("no reason for \($status)")) + ": " + ($codes | join(", "))),
    headers: ({"Cache-Control": {"$ref": "#/components/headers/Cache-Control"}}
              + if $status == "503" or $status == "429" then {"Retry-After": {"$ref": "#/components/headers/Retry-After"}} else {} end),
    content: {"application/problem+json": {schema: {
      "$ref": "problem.schema.json",
      properties: {status: {const: ($status | tonumber)}, code: {enum: $codes}}}}} };

def answer:
  { description,
    headers: ((.headers // []) + ["Cache-Control"] | map({key: ., value: {"$ref": "#/components/headers/\(.)"}}) | from_entries) }
  + if .content then {content} elif .schema then {content: {"application/json": {schema}}} else {} end;

def expand($method):
  . as $op
  | { parameters: ((.parameters // [])
        + [(.query // {}) | to_entries[]
           | {name: .key, in: "query", required: (.value.required // false), description: .value.description,
              schema: (.value | del(.required, .description))} | del(..|nulls)]
        + if .for then [{"$ref": "#/components/parameters/Signature-Input"}] else [] end
        + if .body then [{"$ref": "#/components/parameters/Content-Digest"}] else [] end
        + if $method == "post" or $method == "patch" then [{"$ref": "#/components/parameters/Idempotency-Key"}] else [] end),
      responses: ((.answers | map_values(answer))
        * (codes($method) | with_entries(. as $e | .value = problem($e.key; $e.value)))
        | to_entries | sort_by(.key) | from_entries),
      security: (if .for then [{signature: []}] else [] end) }
  + (if .body then {requestBody: {required: true, content: {"application/json": {schema: .body}}}} else {} end)
  + (if .for then {"x-roles": .for} else {} end)
  + del(.for, .body, .query, .answers, .codes, .parameters);

[inputs | {name: (input_filename | sub(".*/"; "")), content: .}]
| (map(select(.name | endswith(".schema.json")))
   | map((.name | rtrimstr(".schema.json")) as $n | {key: $n, value: (.content | del(.["$schema"]) | at_home($n))})
   | from_entries) as $schemas
| map(select(.name | endswith(".schema.json") | not) | .content)
| reduce .[] as $part ({}; . * $part)
| .paths |= with_entries(.value |= with_entries(
    .key as $method | if $method == "parameters" then . else .value |= expand($method) end))
| at_home("")
| .components.schemas |= (. + $schemas)
| .components.schemas = (.components.schemas as $all | del(.components.schemas) | refs | reachable($all))
