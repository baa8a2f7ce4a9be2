// A reply of the server as a plain value, for RESP2 and RESP3, and its parser: Debian's hiredis
// (0.14) knows RESP2 only, and tests must see the protocol as it is anyway.
// Source of the format: the "Redis serialization protocol specification".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace flashdb::e2e {

struct Reply {
  enum class Type : uint8_t {
    kNone,  // no reply: connection lost or timeout; `str` says why
    kStatus,
    kError,
    kBulkError,
    kInteger,
    kString,
    kVerbatim,   // `str` has the "txt:" prefix
    kNull,       // RESP2's $-1 and *-1, RESP3's _
    kDouble,     // text in `str`
    kBigNumber,  // text in `str`
    kBool,       // 0 or 1 in `integer`
    kArray,
    kSet,
    kPush,
    kMap,  // keys and values take turns in `elements`
  };

  Type type = Type::kNone;
  std::string str;
  int64_t integer = 0;
  std::vector<Reply> elements;

  static Reply Status(std::string_view text) { return {Type::kStatus, std::string(text), 0, {}}; }
  static Reply Error(std::string_view text) { return {Type::kError, std::string(text), 0, {}}; }
  static Reply String(std::string_view text) { return {Type::kString, std::string(text), 0, {}}; }
  static Reply Integer(int64_t value) { return {Type::kInteger, {}, value, {}}; }
  static Reply Null() { return {Type::kNull, {}, 0, {}}; }
  static Reply Array(std::vector<Reply> elements) {
    return {Type::kArray, {}, 0, std::move(elements)};
  }

  bool is_error() const { return type == Type::kError || type == Type::kBulkError; }
  bool is_null() const { return type == Type::kNull; }
  bool ok() const { return type == Type::kStatus && str == "OK"; }
  bool lost() const { return type == Type::kNone; }
  bool operator==(const Reply&) const = default;
};

/// As redis-cli would show it, on one line: `(integer) 1`, `"a\x00b"`, `[1, (nil)]`, `(error) ERR
/// x`.
std::string ToString(const Reply& reply);
void PrintTo(const Reply& reply, std::ostream* out);  // for GoogleTest

/// What a map reply, or an array of names and values, says of `key`; kNone if nothing.
const Reply& At(const Reply& map, std::string_view key);

/// Takes one whole reply off the front of `input` if there is one; `input` is unchanged if there is
/// not. Bytes which are no RESP give a kNone that says so, and an empty `input`.
std::optional<Reply> TakeReply(std::string_view& input);

}  // namespace flashdb::e2e
