#include "api/reply_json.h"

#include "base/check.h"
#include "resp/reply_reader.h"

namespace flashdb {
namespace {

std::string_view TakeLine(std::string_view& reply) {
  const size_t end = reply.find("\r\n");
  FLASHDB_CHECK(end != std::string_view::npos, "a reply without an end");
  const std::string_view line = reply.substr(0, end);
  reply.remove_prefix(end + 2);
  return line;
}

std::string_view TakeBytes(std::string_view& reply, int64_t size) {
  const std::string_view bytes = reply.substr(0, static_cast<size_t>(size));
  reply.remove_prefix(bytes.size() + 2);
  return bytes;
}

int64_t SizeOf(std::string_view line) { return ParseInt64(line.substr(1)).value_or(-1); }

void WriteBytes(JsonWriter& json, std::string_view bytes) {
  if (IsUtf8(bytes)) {
    json.String(bytes);
  } else {
    json.BeginObject().Key("base64").Base64(bytes).EndObject();
  }
}

void WriteElements(JsonWriter& json, std::string_view& reply, int64_t count) {
  json.BeginArray();
  for (int64_t i = 0; i < count; ++i) WriteReply(json, reply);
  json.EndArray();
}

bool KeysAreText(std::string_view rest, int64_t pairs) {
  for (int64_t i = 0; i < pairs; ++i) {
    const std::optional<std::string_view> key = TextOfReply(rest);
    if (!key.has_value() || !IsUtf8(*key)) return false;
    FLASHDB_CHECK(SkipReply(rest) && SkipReply(rest), "a map without an end");
  }
  return true;
}

void WriteMap(JsonWriter& json, std::string_view& reply, int64_t pairs) {
  if (!KeysAreText(reply, pairs)) {
    json.BeginArray();
    for (int64_t i = 0; i < pairs; ++i) WriteElements(json, reply, 2);
    json.EndArray();
    return;
  }
  json.BeginObject();
  for (int64_t i = 0; i < pairs; ++i) {
    json.TextKey(TextOfReply(reply).value_or(""));
    FLASHDB_CHECK(SkipReply(reply), "a map without an end");
    WriteReply(json, reply);
  }
  json.EndObject();
}

void WriteDouble(JsonWriter& json, std::string_view text) {
  const std::optional<double> value = ParseDouble(text);
  if (value.has_value()) {
    json.Double(*value);
  } else {
    json.Text(text);
  }
}

void WriteError(JsonWriter& json, std::string_view line) {
  json.BeginObject().Key("error").Text(line).EndObject();
}

}  // namespace

void WriteReply(JsonWriter& json, std::string_view& reply) {
  const std::string_view line = TakeLine(reply);
  const std::string_view rest = line.substr(1);
  switch (line[0]) {
    case '+':
      return static_cast<void>(json.Text(rest));
    case '-':
      return WriteError(json, rest);
    case ':':
      return static_cast<void>(json.Raw(rest));
    case ',':
      return WriteDouble(json, rest);
    case '#':
      return static_cast<void>(json.Bool(rest == "t"));
    case '(':
      return static_cast<void>(json.String(rest));
    case '$':
      if (SizeOf(line) < 0) return static_cast<void>(json.Null());
      return WriteBytes(json, TakeBytes(reply, SizeOf(line)));
    case '!':
      return WriteError(json, TakeBytes(reply, SizeOf(line)));
    case '=':
      return WriteBytes(json, TakeBytes(reply, SizeOf(line)).substr(4));  // after "txt:"
    case '*':
    case '~':
    case '>':
      if (SizeOf(line) < 0) return static_cast<void>(json.Null());
      return WriteElements(json, reply, SizeOf(line));
    case '%':
      return WriteMap(json, reply, SizeOf(line));
    case '_':
      return static_cast<void>(json.Null());
    default:
      FLASHDB_CHECK(false, "a reply that begins with '{}'", line[0]);
  }
}

std::optional<std::string_view> TextOfReply(std::string_view reply) {
  const std::string_view line = TakeLine(reply);
  if (line[0] == '+' || line[0] == ':') return line.substr(1);
  if (line[0] != '$' || SizeOf(line) < 0) return std::nullopt;
  return TakeBytes(reply, SizeOf(line));
}

std::optional<std::string_view> ErrorOfReply(std::string_view reply) {
  if (!reply.starts_with('-')) return std::nullopt;
  return TakeLine(reply).substr(1);
}

}  // namespace flashdb
