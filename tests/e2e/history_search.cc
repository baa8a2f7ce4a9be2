#include "e2e/history_search.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"

namespace flashdb::e2e {
namespace {

using State = std::map<KeyId, std::string>;

class Search {
 public:
  explicit Search(const History& history) : operations_(history.operations) {
    FLASHDB_CHECK(operations_.size() <= 64, "{} operations are too many", operations_.size());
  }

  // `done` are the operations that have taken effect or are left out.
  bool From(uint64_t done, const State& state) {
    if (IsComplete(done)) return true;
    if (!visited_.emplace(done, state).second) return false;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) != 0 || !MayBeNext(i, done)) continue;
      const uint64_t then = done | uint64_t{1} << i;
      if (operations_[i].outcome != Operation::Outcome::kDone && From(then, state)) return true;
      if (operations_[i].outcome == Operation::Outcome::kAborted) continue;
      const std::optional<State> after = Apply(operations_[i], state);
      if (after.has_value() && From(then, *after)) return true;
    }
    return false;
  }

 private:
  bool IsComplete(uint64_t done) const {
    for (size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) == 0) return false;
    }
    return true;
  }

  bool MayBeNext(size_t next, uint64_t done) const {
    for (size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) != 0 || i == next) continue;
      if (operations_[i].ended < operations_[next].began) return false;
      if (operations_[i].client == operations_[next].client && i < next) return false;
    }
    return true;
  }

  static std::optional<State> Apply(const Operation& operation, State state) {
    for (const Access& access : operation.accesses) {
      std::string& value = state[access.key];
      const auto number = [&value] { return value.empty() ? 0 : std::stoll(value); };
      switch (access.kind) {
        case Access::Kind::kGet:
        case Access::Kind::kReadLog:
          if (value != access.value) return std::nullopt;
          break;
        case Access::Kind::kSet:
          value = access.value;
          break;
        case Access::Kind::kAppend:
          value += access.value;
          if (access.number >= 0 &&
              value.size() != static_cast<size_t>(access.number) * kEntryBytes) {
            return std::nullopt;
          }
          break;
        case Access::Kind::kReadCounter:
          if (number() != access.number) return std::nullopt;
          break;
        case Access::Kind::kIncrement:
          value = std::to_string(number() + 1);
          if (access.number >= 0 && number() != access.number) return std::nullopt;
          break;
      }
    }
    return state;
  }

  const std::vector<Operation>& operations_;
  std::set<std::pair<uint64_t, State>> visited_;
};

}  // namespace

bool IsStrictlySerializable(const History& history) { return Search(history).From(0, {}); }

}  // namespace flashdb::e2e
