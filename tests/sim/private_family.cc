// Keys that one client alone uses, so that every reply is known beforehand: a model runs beside the
// server. After a crash the model holds all states in which some prefix of the unanswered
// operations could have left a key; the replies then tell which.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sim/workload.h"

namespace flashdb {
namespace {

struct State {
  std::optional<std::string> value;
  // When it expires: between these times; 0: never.
  UnixMillis expires_from = 0;
  UnixMillis expires_to = 0;

  bool operator==(const State&) const = default;
};

class PrivateFamily final : public Family {
 public:
  PrivateFamily(SimContext& sim, size_t clients) : Family(sim), keys_(clients * kPerClient) {}

  Op Make(size_t client) override {
    size_t key = client * kPerClient + sim_.random.Below(kPerClient);
    int kind = static_cast<int>(sim_.random.Below(kKinds));
    Op op = MakeOp(kind, key, {});
    op.value = sim_.Unique();
    if (kind == kSetExpiring || kind == kExpire) op.floor = 1 + sim_.random.Below(60);
    if (kind == kSet && sim_.Chance(30)) op.floor = 1 + sim_.random.Below(70'000);
    op.commands = {Words(op)};
    return op;
  }

  std::vector<Op> Audit(size_t client) override {
    std::vector<Op> ops;
    for (size_t i = 0; i < kPerClient; ++i) {
      Op op = MakeOp(kGet, client * kPerClient + i, {});
      op.commands = {Words(op)};
      ops.push_back(std::move(op));
    }
    return ops;
  }

  void Done(const Op& op, const SimReply& last, const std::vector<SimReply>&) override {
    Key& key = keys_[op.key];
    std::string got = last.nil ? "nil" : last.text;
    std::vector<State> next;
    for (const State& state : key.states) {
      for (const Outcome& outcome : Apply(op, state)) {
        if (outcome.reply == got) Add(next, outcome.state);
      }
    }
    if (next.empty()) return Explain(op, got);
    key.states = std::move(next);
    key.lost = key.states;
  }

  void Refused(const Op&) override {}

  void Lost(const Op& op) override {
    Key& key = keys_[op.key];
    std::vector<State> next;
    for (const State& state : key.lost) {
      for (const Outcome& outcome : Apply(op, state)) Add(next, outcome.state);
    }
    key.lost = std::move(next);
    for (const State& state : key.lost) Add(key.states, state);
  }
  void Crashed() override {
    for (Key& key : keys_) key.lost = key.states;
  }

 private:
  enum : int { kGet, kSet, kSetExpiring, kAppend, kDelete, kExpire, kPersist, kExists, kKinds };
  static constexpr size_t kPerClient = 3;
  struct Key {
    std::vector<State> states = {State{}};
    std::vector<State> lost = {State{}};  // after all unanswered operations so far
  };
  struct Outcome {
    State state;
    std::string reply;
  };

  static std::string Name(size_t key) { return fmt::format("private:{}", key); }
  static std::string ValueOf(const Op& op) {
    std::string value = fmt::format("v{}.", op.value);
    if (op.kind == kSet) value.append(op.floor, 'x');
    return value;
  }

  static std::vector<std::string> Words(const Op& op) {
    std::string name = Name(op.key);
    switch (op.kind) {
      case kSet:
        return {"SET", name, ValueOf(op)};
      case kSetExpiring:
        return {"SET", name, ValueOf(op), "PX", std::to_string(op.floor)};
      case kAppend:
        return {"APPEND", name, ValueOf(op)};
      case kDelete:
        return {"DEL", name};
      case kExpire:
        return {"PEXPIRE", name, std::to_string(op.floor)};
      case kPersist:
        return {"PERSIST", name};
      case kExists:
        return {"EXISTS", name};
      default:
        return {"GET", name};
    }
  }

  static void Add(std::vector<State>& states, const State& state) {
    if (std::find(states.begin(), states.end(), state) == states.end()) states.push_back(state);
  }

  // What may come of the operation: two ways if the key may or may not have expired by then.
  std::vector<Outcome> Apply(const Op& op, const State& state) const {
    bool expires = state.value.has_value() && state.expires_to != 0;
    std::vector<Outcome> outcomes;
    if (!expires || op.began_at < state.expires_to) outcomes.push_back(Run(op, state));
    if (expires && sim_.now >= state.expires_from) outcomes.push_back(Run(op, State{}));
    return outcomes;
  }

  Outcome Run(const Op& op, const State& state) const {
    bool there = state.value.has_value();
    auto ttl = static_cast<UnixMillis>(op.floor);
    State next = state;
    switch (op.kind) {
      case kSet:
        return {State{ValueOf(op)}, "OK"};
      case kSetExpiring:
        return {State{ValueOf(op), op.began_at + ttl, sim_.now + ttl}, "OK"};
      case kAppend:
        next.value = state.value.value_or("") + ValueOf(op);
        return {next, std::to_string(next.value->size())};
      case kDelete:
        return {State{}, there ? "1" : "0"};
      case kExpire:
        if (there) next = {state.value, op.began_at + ttl, sim_.now + ttl};
        return {next, there ? "1" : "0"};
      case kPersist:
        next.expires_from = next.expires_to = 0;
        return {next, there && state.expires_to != 0 ? "1" : "0"};
      case kExists:
        return {state, there ? "1" : "0"};
      default:
        return {state, state.value.value_or("nil")};
    }
  }

  void Explain(const Op& op, const std::string& got) {
    std::string expected;
    for (const State& state : keys_[op.key].states) {
      for (const Outcome& outcome : Apply(op, state)) {
        expected += fmt::format(" [{}]", outcome.reply.substr(0, 60));
      }
    }
    sim_.Fail(fmt::format("{} {} gave [{}], expected one of:{}", op.commands[0][0], Name(op.key),
                          got.substr(0, 60), expected));
  }

  std::vector<Key> keys_;
};

}  // namespace

std::unique_ptr<Family> MakePrivateFamily(SimContext& sim, size_t clients) {
  return std::make_unique<PrivateFamily>(sim, clients);
}

}  // namespace flashdb
