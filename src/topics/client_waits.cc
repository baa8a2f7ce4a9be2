#include "topics/client_waits.h"

namespace flashdb {

uint64_t ClientWaits::Begin(OneShotEvent& event, uint64_t deadline_nanos) {
  const uint64_t token = next_token_++;
  waiting_[token] = {&event, deadlines_.emplace(deadline_nanos, token)};
  return token;
}

void ClientWaits::Forget(uint64_t token) {
  auto found = waiting_.find(token);
  if (found == waiting_.end()) return;
  deadlines_.erase(found->second.deadline);
  waiting_.erase(found);
}

void ClientWaits::Wake(uint64_t token) {
  auto found = waiting_.find(token);
  if (found == waiting_.end()) return;
  OneShotEvent* event = found->second.event;
  Forget(token);
  event->Set();
}

void ClientWaits::WakeDue(uint64_t now_nanos) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_nanos) {
    Wake(deadlines_.begin()->second);
  }
}

void ClientWaits::EndAll() {
  ended_ = true;
  while (!waiting_.empty()) Wake(waiting_.begin()->first);
}

std::optional<uint64_t> ClientWaits::NextDeadlineNanos() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

}  // namespace flashdb
