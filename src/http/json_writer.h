// Writes JSON (RFC 8259) by appending to a string.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/numbers.h"

namespace flashdb {

/// Whether `bytes` are UTF-8 (RFC 3629: no surrogates, no overlong forms). Only then they can be a
/// JSON string.
bool IsUtf8(std::string_view bytes);

/// Appends values; commas come by themselves. That begins and ends match, and that each value of an
/// object has a key, is up to the caller. Holds nothing but the reference: cheap to make, and more
/// may be appended to `out` by other means between two values.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Put('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Put(']'); }
  /// A member's name: UTF-8 that needs no escapes, unless it is from outside (see TextKey).
  JsonWriter& Key(std::string_view name);
  /// A member's name that may be anything; what is not UTF-8 in it becomes U+FFFD.
  JsonWriter& TextKey(std::string_view name);

  /// `utf8` must be UTF-8.
  JsonWriter& String(std::string_view utf8);
  /// The same for text that ought to be UTF-8: what is not becomes U+FFFD.
  JsonWriter& Text(std::string_view bytes);
  JsonWriter& Base64(std::string_view bytes);
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  /// Infinities and NaN, which JSON lacks, become strings.
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null() { return Raw("null"); }
  /// A whole JSON value.
  JsonWriter& Raw(std::string_view json);
  /// Milliseconds since 1970 as a string, "2026-11-22T10:15:00.123Z" (ISO 8601, UTC).
  JsonWriter& Time(int64_t unix_millis);

  /// A member whose value may be any bytes: `"name": "text"`, or `"name_base64": "..."` if they are
  /// not UTF-8.
  JsonWriter& BytesMember(std::string_view name, std::string_view bytes);

  std::string& out() { return out_; }

 private:
  // A comma unless the value is the first: the last byte tells, for no value ends like that.
  void Separate() {
    if (out_.empty()) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':' && last != '\n') out_ += ',';
  }
  JsonWriter& Open(char c) {
    Separate();
    return Put(c);
  }
  JsonWriter& Put(char c) {
    out_ += c;
    return *this;
  }
  void Quote(std::string_view utf8);

  std::string& out_;
};

/// "2026-11-22T10:15:00.123Z".
std::string FormatTime(int64_t unix_millis);
/// RFC 3339: a date and time with "Z" or an offset, up to milliseconds (more digits are dropped);
/// or whole milliseconds since 1970. Nullopt for anything else.
std::optional<int64_t> ParseTime(std::string_view text);

}  // namespace flashdb
