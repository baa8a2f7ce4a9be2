// Drives a RequestParser the way a connection does, for the parser's tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

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

/// Feeds `chunks` one by one. The buffer is reallocated for every call, at its exact size, so that
/// a view that survives it or a read past its end shows up under AddressSanitizer.
inline Outcome Feed(const std::vector<std::string>& chunks, const RequestLimits& limits = {}) {
  RequestParser parser;
  Outcome outcome;
  Args args;
  for (const std::string& chunk : chunks) {
    std::string received = outcome.rest + chunk;
    for (ParseResult result = ParseResult::kCommand; result == ParseResult::kCommand;) {
      const std::vector<char> buffer(received.begin(), received.end());
      size_t consumed = 0;
      result = parser.Parse({buffer.data(), buffer.size()}, limits, &args, &consumed);
      EXPECT_EQ(args.empty(), result != ParseResult::kCommand);
      if (result == ParseResult::kCommand) outcome.commands.emplace_back(args.begin(), args.end());
      EXPECT_GE(parser.bytes_wanted(), 1u);
      received.erase(0, consumed);
    }
    outcome.rest = received;
    outcome.error = parser.error();
    if (!outcome.error.empty()) break;
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
