#include "api/schemas.h"

namespace flashdb {

namespace {

constexpr std::string_view kSchemas = R"json({
"Error": {"type": "object", "required": ["error", "message", "details"],
  "additionalProperties": false,
  "properties": {
    "error": {"type": "string", "description": "Names the kind of error, such as not_found."},
    "message": {"type": "string", "description": "What happened and what to do, for people."},
    "details": {"type": "object"}}},
"Health": {"type": "object",
  "required": ["status", "version", "shards", "started_at", "now", "uptime_seconds"],
  "additionalProperties": false,
  "properties": {
    "status": {"type": "string", "enum": ["ok", "failed"]},
    "version": {"type": "string"},
    "shards": {"type": "integer", "minimum": 1},
    "started_at": {"$ref": "#/components/schemas/Time"},
    "now": {"$ref": "#/components/schemas/Time"},
    "uptime_seconds": {"type": "integer"},
    "failed_shard": {"type": "integer", "minimum": 0},
    "message": {"type": "string"}}},
"State": {"type": "object", "required": ["status"], "additionalProperties": false,
  "properties": {"status": {"type": "string", "enum": ["ok", "ready"]}}},
"Time": {"type": "string",
  "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$",
  "description": "ISO 8601, UTC, with milliseconds."},
"KeyValue": {"type": "object", "additionalProperties": false,
  "properties": {
    "key": {"type": "string"},
    "key_base64": {"type": "string"},
    "value": {"type": "string"},
    "value_base64": {"type": "string"},
    "ttl_ms": {"type": "integer", "minimum": 0}}},
"Commands": {"type": "array", "minItems": 1,
  "description": "A command, such as [\"SET\", \"key\", 1], or an array of commands.",
  "items": {"anyOf": [{"type": ["string", "number"]},
    {"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}}]}},
"Reply": {
  "description": "Text, or {\"base64\": ...} for bytes that are not UTF-8; a number, null, true or false; an array or object of replies; {\"error\": \"ERR ...\"}."},
"Document": {"type": "object", "required": ["openapi", "info", "paths"]}
})json";

}  // namespace

std::string_view ComponentSchemas() { return kSchemas; }

}  // namespace flashdb
