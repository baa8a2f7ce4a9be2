// What concurrent clients did and saw: the input of the history checker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flashdb::e2e {

using OpId = uint32_t;   // index into History::operations
using KeyId = uint32_t;  // index into History::keys

/// Entries of a log key have this size, so that APPEND's reply tells an entry's place.
inline constexpr size_t kEntryBytes = 8;

/// One key's part of an operation. A key is one of three things all its life, and each is made so
/// that the order of its versions can be found again:
///  - a register: SET and GET of values that are written once only in the whole history;
///  - a log: APPEND of entries that occur once only, GET of all of them;
///  - a counter: INCR and GET.
/// All begin as missing keys.
struct Access {
  enum class Kind : uint8_t { kGet, kSet, kReadLog, kAppend, kReadCounter, kIncrement };

  Kind kind;
  KeyId key;
  // kGet, kSet: the value, empty for a missing key; kReadLog: all entries; kAppend: the entry.
  std::string value = {};
  // kAppend: how many entries the reply says there are; kReadCounter, kIncrement: the number. -1 if
  // the reply is not known.
  int64_t number = -1;

  static Access Get(KeyId key, std::string_view value) {
    return {Kind::kGet, key, std::string(value)};
  }
  static Access Set(KeyId key, std::string_view value) {
    return {Kind::kSet, key, std::string(value)};
  }
  static Access ReadLog(KeyId key, std::string_view entries) {
    return {Kind::kReadLog, key, std::string(entries)};
  }
  static Access Append(KeyId key, std::string_view entry, int64_t entries) {
    return {Kind::kAppend, key, std::string(entry), entries};
  }
  static Access ReadCounter(KeyId key, int64_t number) {
    return {Kind::kReadCounter, key, {}, number};
  }
  static Access Increment(KeyId key, int64_t number) { return {Kind::kIncrement, key, {}, number}; }

  bool writes() const {
    return kind == Kind::kSet || kind == Kind::kAppend || kind == Kind::kIncrement;
  }
};

/// Something that must take effect at one instant: a command, or a whole MULTI/EXEC. What a client
/// read of keys that it watched is part of its EXEC.
struct Operation {
  enum class Outcome : uint8_t {
    kDone,     // answered
    kUnknown,  // sent, but the server was killed before the answer came: happened or not
    kAborted,  // answered that nothing was done (a watched key had changed)
  };

  uint32_t client = 0;
  Outcome outcome = Outcome::kDone;
  // Nanoseconds of one monotonic clock: before the request was sent; after the reply was read, or
  // for kUnknown a time between the kill and the restart.
  int64_t began = 0;
  int64_t ended = 0;
  std::string_view command = {};  // a literal; for messages only
  std::vector<Access> accesses = {};
};

/// One client's operations are in the order in which it sent them on one connection (then another
/// after a crash); the clients' may be interleaved in any way.
struct History {
  std::vector<std::string> keys;
  std::vector<Operation> operations;
  std::vector<int64_t> crashes;  // when the server had been killed; for messages only
};

/// E.g. `[17] client 3, 2.120..2.504 ms: EXEC { GET r1 = "3-8", SET r2 "3-9" }`; times count from
/// the history's first.
std::string Describe(const History& history, OpId op);

}  // namespace flashdb::e2e
