// Drives a RequestParser the way a connection does, for the parser's tests and its fuzzer. Aborts
// if the parser breaks its own rules.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "resp/request_parser.h"

namespace flashdb {

using Command = std::vector<std::string>;

/// What came out of a stream: its commands, the error that ended it (or ""), the bytes not used up.
struct Outcome {
  std::vector<Command> commands;
  std::string error;
  std::string rest;

  bool operator==(const Outcome&) const = default;
};

/// Of its exact size, so that a read past the end is one past an allocation.
struct ExactCopy {
  explicit ExactCopy(std::string_view from) : bytes(new char[from.size()]), size(from.size()) {
    if (size > 0) std::memcpy(bytes.get(), from.data(), size);
  }
  std::string_view view() const { return {bytes.get(), size}; }
  std::unique_ptr<char[]> bytes;
  size_t size;
};

/// Takes all commands that are whole off the front of `outcome.rest`; false after an error. The
/// buffer is another one for every call, so that AddressSanitizer sees a view that survives it.
inline bool ParseAll(RequestParser& parser, const RequestLimits& limits, Outcome& outcome) {
  Args args;
  for (;;) {
    const ExactCopy buffer(outcome.rest);
    size_t consumed = 0;
    const ParseResult result = parser.Parse(buffer.view(), limits, &args, &consumed);
    FLASHDB_CHECK(consumed <= outcome.rest.size(), "consumed more than there is");
    FLASHDB_CHECK(args.empty() == (result != ParseResult::kCommand), "arguments without command");
    FLASHDB_CHECK(args.size() <= outcome.rest.size(), "more arguments than bytes");
    FLASHDB_CHECK(parser.bytes_wanted() > 0, "wants more, but nothing");
    if (result == ParseResult::kCommand) outcome.commands.emplace_back(args.begin(), args.end());
    outcome.rest.erase(0, consumed);
    if (result == ParseResult::kError) {
      outcome.error = parser.error();
      FLASHDB_CHECK(!outcome.error.empty(), "an error says nothing");
      return false;
    }
    if (result == ParseResult::kNeedMore) return true;
  }
}

/// Feeds `chunks` one by one, up to an error.
inline Outcome Feed(const std::vector<std::string>& chunks, const RequestLimits& limits = {}) {
  RequestParser parser;
  Outcome outcome;
  for (const std::string& chunk : chunks) {
    outcome.rest += chunk;
    if (!ParseAll(parser, limits, outcome)) break;
  }
  return outcome;
}

inline std::vector<std::string> ByteByByte(std::string_view stream) {
  std::vector<std::string> chunks;
  for (char c : stream) chunks.emplace_back(1, c);
  return chunks;
}

/// The command in RESP.
inline std::string Encode(const Command& command) {
  std::string out = "*" + std::to_string(command.size()) + "\r\n";
  for (const std::string& arg : command) {
    out += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  }
  return out;
}

}  // namespace flashdb
