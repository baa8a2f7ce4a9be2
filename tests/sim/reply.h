// A parsed RESP2 reply, as the simulated clients read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flashdb {

struct SimReply {
  char type = '?';  // + - : $ *
  bool nil = false;
  int64_t integer = 0;
  std::string text;
  std::vector<SimReply> items;

  bool error() const { return type == '-'; }
  /// A whole number, whether sent as one or as a bulk string; nil counts as 0.
  int64_t number() const;
};

/// Takes the reply at the front of `in`; false if it is not all there yet.
bool TakeReply(std::string_view& in, SimReply& reply);

/// A command as clients send it.
std::string EncodeCommand(const std::vector<std::string>& words);

}  // namespace flashdb
