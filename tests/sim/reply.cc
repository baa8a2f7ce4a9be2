#include "sim/reply.h"

#include <fmt/format.h>

#include <cstdlib>

namespace flashdb {
namespace {

bool TakeLine(std::string_view& in, std::string_view& line) {
  size_t end = in.find("\r\n");
  if (end == std::string_view::npos) return false;
  line = in.substr(0, end);
  in.remove_prefix(end + 2);
  return true;
}

bool TakeBulk(std::string_view& in, SimReply& reply) {
  reply.nil = reply.integer < 0;
  if (reply.nil) return true;
  auto size = static_cast<size_t>(reply.integer);
  if (in.size() < size + 2) return false;
  reply.text = in.substr(0, size);
  in.remove_prefix(size + 2);
  return true;
}

bool TakeItems(std::string_view& in, SimReply& reply) {
  reply.nil = reply.integer < 0;
  for (int64_t i = 0; i < reply.integer; ++i) {
    if (!TakeReply(in, reply.items.emplace_back())) return false;
  }
  return true;
}

}  // namespace

int64_t SimReply::number() const {
  return type == ':' ? integer : std::strtoll(text.c_str(), nullptr, 10);
}

bool TakeReply(std::string_view& in, SimReply& reply) {
  std::string_view rest = in;
  std::string_view line;
  if (rest.empty() || !TakeLine(rest, line)) return false;
  reply = SimReply{.type = line[0], .text = std::string(line.substr(1))};
  if (reply.type != '+' && reply.type != '-') {
    reply.integer = std::strtoll(reply.text.c_str(), nullptr, 10);
  }
  if (reply.type == '$' || reply.type == '*') reply.text.clear();
  if (reply.type == '$' && !TakeBulk(rest, reply)) return false;
  if (reply.type == '*' && !TakeItems(rest, reply)) return false;
  in = rest;
  return true;
}

std::string EncodeCommand(const std::vector<std::string>& words) {
  std::string bytes = fmt::format("*{}\r\n", words.size());
  for (const std::string& word : words) bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return bytes;
}

}  // namespace flashdb
