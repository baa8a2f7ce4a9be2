#include "sim/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"

namespace flashdb {

void SimClient::Connected(ShardId home, int fd) {
  home_ = home;
  fd_ = fd;
  connected_ = true;
  received_.clear();
  taken_ = 0;
  replies_.clear();
}

std::string SimClient::Begin(Op op) {
  op.began = sim_.time;
  op.began_at = sim_.now;
  std::string bytes;
  for (const auto& command : op.commands) bytes += EncodeCommand(command);
  outstanding_.push_back(std::move(op));
  if (trace_) fmt::print("{} client {} sends {:?}\n", sim_.time, fd_, bytes.substr(0, 300));
  return bytes;
}

void SimClient::LoseAll() {
  for (const Op& op : outstanding_) op.family->Lost(op);
  outstanding_.clear();
  connected_ = false;
}

void SimClient::OnOutput(std::string_view bytes) {
  if (trace_) fmt::print("{} client {} gets {:?}\n", sim_.time, fd_, bytes.substr(0, 300));
  result_.trace_hash = HashBytes(bytes) ^ (result_.trace_hash * 31 + sim_.time);
  received_.append(bytes);
  while (connected_ && TakeOne()) {
  }
  received_.erase(0, taken_);
  taken_ = 0;
}

bool SimClient::TakeOne() {
  std::string_view rest = std::string_view(received_).substr(taken_);
  SimReply reply;
  if (!TakeReply(rest, reply)) return false;
  taken_ = received_.size() - rest.size();
  if (outstanding_.empty()) {
    sim_.Fail("a reply that nobody asked for: " + reply.text);
    return false;
  }
  if (reply.error() && reply.text.find("The connection is closed") != std::string::npos) {
    connected_ = false;  // the server closes; the operations count as under way until the crash
    return false;
  }
  replies_.push_back(std::move(reply));
  if (replies_.size() < outstanding_.front().commands.size()) return true;
  Op op = std::move(outstanding_.front());
  outstanding_.pop_front();
  Judge(op);
  replies_.clear();
  return true;
}

void SimClient::Judge(const Op& op) {
  const SimReply& last = replies_.back();
  ++result_.replies;
  const bool refused = std::any_of(replies_.begin(), replies_.end(), [](const SimReply& reply) {
    return reply.error() && reply.text.starts_with("MISCONF");
  });
  if (refused) {
    ++result_.refusals;
    op.family->Refused(op);
    return;
  }
  for (const SimReply& reply : replies_) {
    if (!reply.error() || reply.text == "ERR no such key") continue;
    if (reply.text.starts_with("NOTFOUND there is no topic")) continue;  // the family judges
    sim_.Fail(fmt::format("{} gave an error: {}", op.commands[0][0], reply.text));
    return;
  }
  op.family->Done(op, last, replies_);
}

}  // namespace flashdb
