// What simulated clients do, and what must then be true. Each family of keys has an invariant that
// is cheap to check and hard to satisfy by accident; together they are the promises of the engine:
// what was acknowledged or shown stays, nothing is invented, transactions over several shards are
// whole, a connection's commands take effect in order.
//
// Time is a count of events. An operation lasts from the moment its bytes were sent until its reply
// was released, or until the crash if it never was.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/types.h"
#include "sim/reply.h"

namespace flashdb {

class Family;

struct Op {
  Family* family = nullptr;
  int kind = 0;
  size_t key = 0;
  uint64_t value = 0;  // unique, or the amount
  uint64_t floor = 0;  // what had been seen of the key when the operation began
  std::vector<std::vector<std::string>> commands;
  uint64_t began = 0;
  UnixMillis began_at = 0;  // by the server's clock
};

/// What all families share; the first violation is kept.
struct SimContext {
  Random random{0};
  uint64_t time = 0;
  UnixMillis now = 0;
  uint64_t last_unique = 0;
  std::string failure;
  /// The server has refused something in this life, perhaps with replies that nobody got.
  bool server_refused = false;

  bool Chance(uint64_t of) { return random.Below(of) == 0; }
  uint64_t Unique() { return ++last_unique; }
  void Fail(std::string what) {
    if (failure.empty()) failure = std::move(what);
  }
};

class Family {
 public:
  explicit Family(SimContext& sim) : sim_(sim) {}
  virtual ~Family() = default;

  /// Something to do for client `client`.
  virtual Op Make(size_t client) = 0;
  /// Operations that together read all that the family has.
  virtual std::vector<Op> Audit(size_t client) = 0;
  /// The replies have been released: `last` is that of the operation's last command.
  virtual void Done(const Op& op, const SimReply& last, const std::vector<SimReply>& all) = 0;
  /// The server said that it has not done it.
  virtual void Refused(const Op& op) = 0;
  /// Never answered; it may have been done, before the crash that was just now. Called for each
  /// client's operations in order.
  virtual void Lost(const Op& op) = 0;
  /// After all Lost() of a crash.
  virtual void Crashed() {}
  /// At the end of the run.
  virtual void Finish() {}

 protected:
  Op MakeOp(int kind, size_t key, std::vector<std::vector<std::string>> commands) {
    Op op;
    op.family = this;
    op.kind = kind;
    op.key = key;
    op.commands = std::move(commands);
    return op;
  }

  SimContext& sim_;
};

/// One of each; the order is fixed. `clients` are those that own private keys.
std::vector<std::unique_ptr<Family>> MakeFamilies(SimContext& sim, size_t clients);
/// The families that need more than a few lines.
std::unique_ptr<Family> MakePrivateFamily(SimContext& sim, size_t clients);
std::unique_ptr<Family> MakeGroupFamily(SimContext& sim);
std::unique_ptr<Family> MakeStairsFamily(SimContext& sim);
std::unique_ptr<Family> MakeTopicFamily(SimContext& sim);

}  // namespace flashdb
