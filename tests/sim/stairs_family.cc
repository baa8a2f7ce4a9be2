// Keys that every writer increments in the same order, in one pipeline of plain commands, and every
// reader reads in the opposite order: a client's commands take effect in the order it sent them, so
// no key is ever seen behind one that comes after it.
#include <fmt/format.h>

#include "sim/workload.h"

namespace flashdb {
namespace {

class StairsFamily final : public Family {
 public:
  explicit StairsFamily(SimContext& sim) : Family(sim) {}

  Op Make(size_t) override {
    const bool climb = sim_.Chance(2);
    std::vector<std::vector<std::string>> commands;
    for (size_t i = 0; i < kStairs; ++i) {
      if (climb) {
        commands.push_back({"INCR", Name(i)});
      } else {
        commands.push_back({"GET", Name(kStairs - 1 - i)});
      }
    }
    return MakeOp(climb ? kClimb : kLook, flight_, std::move(commands));
  }

  std::vector<Op> Audit(size_t) override { return {}; }

  void Done(const Op& op, const SimReply&, const std::vector<SimReply>& all) override {
    for (size_t i = 1; i < all.size() && op.kind == kLook; ++i) {
      if (all[i].number() >= all[i - 1].number() || !seen_.empty()) continue;
      seen_ = fmt::format("stair {} was shown at {}, then stair {}, which comes before it, at {}",
                          kStairs - i, all[i - 1].number(), kStairs - 1 - i, all[i].number());
    }
  }

  void Refused(const Op&) override {}
  void Lost(const Op&) override {}

  void Crashed() override {
    Finish();
    // What nobody had been told of may be lost of one key and not of another: new stairs.
    ++flight_;
    seen_.clear();
  }

  void Finish() override {
    // After a refusal one key may have been incremented although the one before it was not.
    if (!seen_.empty() && !sim_.server_refused) sim_.Fail(seen_);
  }

 private:
  enum : int { kClimb, kLook };
  static constexpr size_t kStairs = 12;

  std::string Name(size_t stair) const { return fmt::format("stair:{}:{}", flight_, stair); }

  size_t flight_ = 0;  // of stairs; a new one in each life of the server
  std::string seen_;   // that should not have been
};

}  // namespace

std::unique_ptr<Family> MakeStairsFamily(SimContext& sim) {
  return std::make_unique<StairsFamily>(sim);
}

}  // namespace flashdb
