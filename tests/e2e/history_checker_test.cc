// The history checker catches each kind of violation, with the right explanation, and accepts what
// is right; an exact search agrees.
#include "e2e/history_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/check.h"
#include "e2e/history_search.h"

namespace flashdb::e2e {
namespace {

using ::testing::HasSubstr;
using Outcome = Operation::Outcome;

constexpr KeyId kX = 0;  // registers
constexpr KeyId kY = 1;
constexpr KeyId kLog = 2;
constexpr KeyId kN = 3;  // a counter

Access Get(KeyId key, std::string_view value) { return Access::Get(key, value); }
Access Set(KeyId key, std::string_view value) { return Access::Set(key, value); }
Access ReadLog(std::string_view entries) { return Access::ReadLog(kLog, entries); }
Access Append(std::string_view entry, int64_t n) { return Access::Append(kLog, entry, n); }

class HistoryCheckerTest : public ::testing::Test {
 protected:
  HistoryCheckerTest() { history_.keys = {"x", "y", "log", "n"}; }

  // Times are in milliseconds.
  OpId Add(uint32_t client, int began, int ended, std::vector<Access> accesses,
           Outcome outcome = Outcome::kDone) {
    history_.operations.push_back({.client = client,
                                   .outcome = outcome,
                                   .began = began * 1000000LL,
                                   .ended = ended * 1000000LL,
                                   .command = "EXEC",
                                   .accesses = std::move(accesses)});
    return static_cast<OpId>(history_.operations.size() - 1);
  }
  OpId Unknown(uint32_t client, int began, int ended, std::vector<Access> accesses) {
    return Add(client, began, ended, std::move(accesses), Outcome::kUnknown);
  }
  void Crash(int at) { history_.crashes.push_back(at * 1000000LL); }

  void ExpectGood() {
    const auto violation = FindViolation(history_);
    EXPECT_FALSE(violation.has_value()) << violation->text;
    EXPECT_TRUE(IsStrictlySerializable(history_));
  }
  // The violation's name, and the operations in its explanation.
  void ExpectBad(std::string_view name, const std::vector<OpId>& operations,
                 std::string_view words = "") {
    const auto violation = FindViolation(history_);
    ASSERT_TRUE(violation.has_value()) << "accepted, but it has: " << name;
    EXPECT_EQ(violation->name, name) << violation->text;
    EXPECT_THAT(violation->operations, ::testing::UnorderedElementsAreArray(operations))
        << violation->text;
    EXPECT_THAT(violation->text, HasSubstr(std::string(words)));
    for (OpId op : operations) {
      EXPECT_THAT(violation->text, HasSubstr(Describe(history_, op)));
    }
    EXPECT_FALSE(IsStrictlySerializable(history_)) << violation->text;
  }

  History history_;
};

// ---- Accepted ----------------------------------------------------------------------------------

TEST_F(HistoryCheckerTest, AnEmptyHistoryIsGood) { ExpectGood(); }

TEST_F(HistoryCheckerTest, OneAfterTheOtherIsGood) {
  Add(1, 0, 1, {Get(kX, "")});
  Add(1, 2, 3, {Set(kX, "a")});
  Add(2, 4, 5, {Get(kX, "a"), Set(kX, "b")});
  Add(1, 6, 7, {Get(kX, "b")});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, AConcurrentReadMaySeeEitherVersion) {
  Add(1, 0, 10, {Set(kX, "a")});
  Add(2, 2, 4, {Get(kX, "")});
  Add(3, 5, 7, {Get(kX, "a")});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, ConcurrentTransactionsInAnyOneOrderAreGood) {
  Add(1, 0, 10, {Set(kX, "a"), Set(kY, "a")});
  Add(2, 0, 10, {Set(kX, "b"), Set(kY, "b")});
  Add(3, 0, 10, {Get(kX, "a"), Get(kY, "a")});
  Add(4, 11, 12, {Get(kX, "b"), Get(kY, "b")});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, ATransactionReadsItsOwnWrites) {
  Add(1, 0, 1,
      {Set(kX, "a"), Get(kX, "a"), Append("entry__1", 1), ReadLog("entry__1"),
       Access::Increment(kN, 1), Access::ReadCounter(kN, 1)});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, AnUnknownWriteMayHaveHappened) {
  Unknown(1, 0, 5, {Set(kX, "a"), Set(kY, "a")});
  Crash(5);
  Add(2, 6, 7, {Get(kX, "a"), Get(kY, "a")});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, AnUnknownWriteMayNotHaveHappened) {
  Unknown(1, 0, 5, {Set(kX, "a"), Append("entry__1", -1), Access::Increment(kN, -1)});
  Crash(5);
  Add(2, 6, 7, {Get(kX, ""), ReadLog(""), Access::ReadCounter(kN, 0)});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, AnUnknownWriteMayHaveBeenOverwrittenUnseen) {
  Unknown(1, 0, 5, {Set(kX, "a")});
  Add(2, 1, 2, {Set(kX, "b")});
  Crash(5);
  Add(2, 6, 7, {Get(kX, "b")});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, UnknownIncrementsFillTheGaps) {
  Add(1, 0, 1, {Access::Increment(kN, 1)});
  Unknown(2, 0, 5, {Access::Increment(kN, -1)});
  Unknown(3, 0, 5, {Access::Increment(kN, -1)});
  Crash(5);
  Add(1, 6, 7, {Access::Increment(kN, 4)});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, AnUnknownAppendIsFoundByItsEntry) {
  Unknown(1, 0, 5, {Append("entry__1", -1)});
  Crash(5);
  Add(2, 6, 7, {Append("entry__2", 2)});
  Add(3, 8, 9, {ReadLog("entry__1entry__2")});
  ExpectGood();
}

TEST_F(HistoryCheckerTest, AnAbortedTransactionLeavesNothing) {
  Add(1, 0, 1, {Set(kX, "a")}, Outcome::kAborted);
  Add(2, 2, 3, {Get(kX, "")});
  ExpectGood();
}

// ---- Refused -----------------------------------------------------------------------------------

TEST_F(HistoryCheckerTest, CatchesALostUpdate) {
  const OpId a = Add(1, 0, 10, {Get(kX, ""), Set(kX, "a")});
  const OpId b = Add(2, 0, 10, {Get(kX, ""), Set(kX, "b")});
  ExpectBad("lost update", {a, b}, "read x before the next one wrote it");
}

TEST_F(HistoryCheckerTest, CatchesALostUpdateOfAValueWrittenBefore) {
  Add(3, 0, 1, {Set(kX, "0")});
  const OpId a = Add(1, 2, 10, {Get(kX, "0"), Set(kX, "a")});
  const OpId b = Add(2, 2, 10, {Get(kX, "0"), Set(kX, "b")});
  ExpectBad("lost update", {a, b}, "it found what [0] wrote, which the next one replaced");
}

TEST_F(HistoryCheckerTest, CatchesTwoIncrementsToTheSameNumber) {
  const OpId a = Add(1, 0, 10, {Access::Increment(kN, 1)});
  const OpId b = Add(2, 0, 10, {Access::Increment(kN, 1)});
  ExpectBad("lost update", {a, b}, "Both incremented n to 1");
}

TEST_F(HistoryCheckerTest, CatchesAStaleReadAfterTheReply) {
  const OpId write = Add(1, 0, 1, {Set(kX, "a")});
  const OpId read = Add(2, 2, 3, {Get(kX, "")});
  ExpectBad("stale read", {write, read}, "ended before the next began");
}

TEST_F(HistoryCheckerTest, CatchesAStaleReadOfALog) {
  Add(1, 0, 1, {Append("entry__1", 1)});
  const OpId write = Add(1, 2, 3, {Append("entry__2", 2)});
  const OpId read = Add(2, 4, 5, {ReadLog("entry__1")});
  ExpectBad("stale read", {write, read});
}

TEST_F(HistoryCheckerTest, CatchesAStaleReadOfACounter) {
  const OpId write = Add(1, 0, 1, {Access::Increment(kN, 1)});
  const OpId read = Add(2, 2, 3, {Access::ReadCounter(kN, 0)});
  ExpectBad("stale read", {write, read});
}

// Nobody may see a write and afterwards (on any connection) what was before it.
TEST_F(HistoryCheckerTest, CatchesAReadThatGoesBackInTime) {
  Add(1, 0, 1, {Set(kX, "old")});
  const OpId write = Add(1, 2, 20, {Set(kX, "new")});
  const OpId first = Add(2, 5, 6, {Get(kX, "new")});
  const OpId second = Add(3, 7, 8, {Get(kX, "old")});
  ExpectBad("stale read", {write, first, second});
}

TEST_F(HistoryCheckerTest, CatchesAFracturedRead) {
  const OpId mset = Add(1, 0, 10, {Set(kX, "a"), Set(kY, "a")});
  const OpId read = Add(2, 0, 10, {Get(kX, "a"), Get(kY, "")});
  ExpectBad("fractured read", {mset, read}, "wrote x, as the next one saw");
}

TEST_F(HistoryCheckerTest, CatchesAFracturedReadOfThreeKinds) {
  const OpId write = Add(1, 0, 10, {Append("entry__1", 1), Access::Increment(kN, 1)});
  const OpId read = Add(2, 0, 10, {ReadLog("entry__1"), Access::ReadCounter(kN, 0)});
  ExpectBad("fractured read", {write, read});
}

TEST_F(HistoryCheckerTest, CatchesHalfOfAnUnknownTransactionAfterACrash) {
  const OpId mset = Unknown(1, 0, 5, {Set(kX, "a"), Set(kY, "a")});
  Crash(5);
  const OpId first = Add(2, 6, 7, {Get(kX, "a")});
  const OpId second = Add(2, 8, 9, {Get(kY, "")});
  ExpectBad("lost write after a crash", {mset, second});
  (void)first;
}

TEST_F(HistoryCheckerTest, CatchesWriteSkew) {
  const OpId a = Add(1, 0, 10, {Get(kX, ""), Set(kY, "a")});
  const OpId b = Add(2, 0, 10, {Get(kY, ""), Set(kX, "b")});
  ExpectBad("write skew", {a, b});
}

TEST_F(HistoryCheckerTest, CatchesALongFork) {
  const OpId a = Add(1, 0, 10, {Set(kX, "a")});
  const OpId b = Add(2, 0, 10, {Set(kY, "b")});
  const OpId c = Add(3, 0, 10, {Get(kX, "a"), Get(kY, "")});
  const OpId d = Add(4, 0, 10, {Get(kX, ""), Get(kY, "b")});
  ExpectBad("long fork", {a, b, c, d});
}

TEST_F(HistoryCheckerTest, CatchesALostWriteAfterACrash) {
  Add(1, 0, 1, {Set(kX, "old")});
  const OpId lost = Add(1, 2, 3, {Set(kX, "new")});
  Crash(5);
  const OpId read = Add(2, 6, 7, {Get(kX, "old")});
  ExpectBad("lost write after a crash", {lost, read}, "kill -9 at 5.000 ms in between");
}

TEST_F(HistoryCheckerTest, CatchesALostAppendAfterACrash) {
  const OpId lost = Add(1, 2, 3, {Append("entry__1", 1)});
  Crash(5);
  const OpId again = Add(2, 6, 7, {Append("entry__2", 1)});
  ExpectBad("lost write after a crash", {lost, again}, "entry number 1 of log");
}

TEST_F(HistoryCheckerTest, CatchesALostAppendWhoseEntryIsMissing) {
  const OpId lost = Add(1, 2, 3, {Append("entry__1", 1)});
  const OpId other = Unknown(3, 2, 5, {Append("entry__2", -1)});
  Crash(5);
  const OpId read = Add(2, 6, 7, {ReadLog("entry__2")});
  ExpectBad("lost write after a crash", {lost, other, read}, "acknowledged as entry number 1");
}

TEST_F(HistoryCheckerTest, CatchesAnIncrementLostInACrash) {
  const OpId lost = Add(1, 2, 3, {Access::Increment(kN, 1)});
  Crash(5);
  const OpId again = Add(2, 6, 7, {Access::Increment(kN, 1)});
  ExpectBad("lost write after a crash", {lost, again}, "kill -9");
}

TEST_F(HistoryCheckerTest, CatchesAnUnknownWriteThatHappensAfterTheRestart) {
  const OpId late = Unknown(1, 0, 5, {Set(kX, "late")});
  Crash(5);
  const OpId before = Add(2, 6, 7, {Get(kX, "")});
  Add(2, 8, 9, {Get(kX, "late")});
  ExpectBad("lost write after a crash", {late, before});
}

TEST_F(HistoryCheckerTest, CatchesAnInventedValue) {
  const OpId read = Add(1, 0, 1, {Get(kX, "nobody's")});
  ExpectBad("invented value", {read}, "Nobody wrote \"nobody's\" to x");
}

TEST_F(HistoryCheckerTest, CatchesTheValueOfAnotherKey) {
  Add(1, 0, 1, {Set(kX, "a")});
  const OpId read = Add(1, 2, 3, {Get(kY, "a")});
  ExpectBad("invented value", {read});
}

TEST_F(HistoryCheckerTest, CatchesAnInventedEntryAndAnInventedNumber) {
  const OpId read = Add(1, 0, 1, {ReadLog("nobody's")});
  ExpectBad("invented value", {read}, "Nobody appended");
  history_.operations.clear();
  const OpId count = Add(1, 0, 1, {Access::ReadCounter(kN, 1)});
  Unknown(2, 2, 5, {Access::Increment(kN, -1)});  // too late to explain it
  ExpectBad("invented value", {count}, "only 0 writes are known");
}

TEST_F(HistoryCheckerTest, CatchesAnEntryThatIsThereTwice) {
  const OpId write = Unknown(1, 0, 1, {Append("entry__1", -1)});
  const OpId read = Add(2, 2, 3, {ReadLog("entry__1entry__1")});
  ExpectBad("duplicated write", {write, read});
}

TEST_F(HistoryCheckerTest, CatchesLogsInTwoOrders) {
  Add(1, 0, 9, {Append("entry__1", 1)});
  Unknown(2, 0, 9, {Append("entry__2", -1)});
  const OpId a = Add(3, 0, 9, {ReadLog("entry__1entry__2")});
  const OpId b = Add(4, 0, 9, {ReadLog("entry__2")});
  ExpectBad("incompatible orders", {a, b});
}

TEST_F(HistoryCheckerTest, CatchesRealTimeReversedBetweenKeys) {
  const OpId first = Add(1, 0, 1, {Set(kX, "a")});
  const OpId second = Add(2, 2, 3, {Set(kY, "b")});
  const OpId read = Add(3, 0, 9, {Get(kX, ""), Get(kY, "b")});
  ExpectBad("stale read", {first, second, read});
}

TEST_F(HistoryCheckerTest, CatchesAReadOfTheFuture) {
  const OpId read = Add(1, 0, 1, {Get(kX, "a")});
  const OpId write = Add(2, 2, 3, {Set(kX, "a")});
  ExpectBad("real time reversed", {read, write});
}

TEST_F(HistoryCheckerTest, CatchesAppendsAgainstRealTime) {
  const OpId second = Add(1, 0, 1, {Append("entry__2", 2)});
  const OpId first = Add(2, 2, 3, {Append("entry__1", 1)});
  ExpectBad("real time reversed", {first, second});
}

TEST_F(HistoryCheckerTest, CatchesPipelinedCommandsOutOfOrder) {
  const OpId first = Add(1, 0, 9, {Append("entry__1", 2)});
  const OpId second = Add(1, 0, 9, {Append("entry__2", 1)});
  ExpectBad("real time reversed", {first, second}, "was sent before the next by the same client");
}

TEST_F(HistoryCheckerTest, CatchesAnAbortedWatchThatTookEffect) {
  const OpId aborted = Add(1, 0, 1, {Get(kX, ""), Set(kX, "a")}, Outcome::kAborted);
  const OpId read = Add(2, 2, 3, {Get(kX, "a")});
  ExpectBad("aborted write was read", {aborted, read}, "its transaction was aborted");
}

TEST_F(HistoryCheckerTest, CatchesAnAbortedAppendThatTookEffect) {
  const OpId aborted = Add(1, 0, 1, {Append("entry__1", -1)}, Outcome::kAborted);
  const OpId read = Add(2, 2, 3, {ReadLog("entry__1")});
  ExpectBad("aborted write was read", {aborted, read});
}

TEST_F(HistoryCheckerTest, CatchesAWatchThatMissedAChange) {
  Add(1, 0, 1, {Set(kX, "a")});
  const OpId other = Add(2, 2, 3, {Get(kX, "a"), Set(kX, "b")});
  const OpId watcher = Add(3, 4, 5, {Get(kX, "a"), Set(kX, "c")});
  ExpectBad("stale read", {other, watcher});
}

TEST_F(HistoryCheckerTest, CatchesAnIntermediateValue) {
  const OpId write = Add(1, 0, 9, {Set(kX, "a"), Set(kX, "b")});
  const OpId read = Add(2, 0, 9, {Get(kX, "a")});
  ExpectBad("intermediate value was read", {write, read});
}

TEST_F(HistoryCheckerTest, CatchesAnIntermediateLog) {
  const OpId write = Add(1, 0, 9, {Append("entry__1", 1), Append("entry__2", 2)});
  const OpId read = Add(2, 0, 9, {ReadLog("entry__1")});
  ExpectBad("fractured read", {write, read});
}

TEST_F(HistoryCheckerTest, CatchesATransactionThatDoesNotReadItsOwnWrite) {
  const OpId op = Add(1, 0, 1, {Set(kX, "a"), Get(kX, "")});
  ExpectBad("transaction not isolated", {op});
}

TEST_F(HistoryCheckerTest, CatchesTransactionsMixedOverTwoKeys) {
  Add(1, 0, 10, {Set(kX, "a"), Set(kY, "a")});
  Add(2, 0, 10, {Set(kX, "b"), Set(kY, "b")});
  const OpId read = Add(3, 11, 12, {Get(kX, "a"), Get(kY, "b")});
  const auto violation = FindViolation(history_);
  ASSERT_TRUE(violation.has_value());
  EXPECT_THAT(violation->text, HasSubstr(Describe(history_, read)));
  EXPECT_FALSE(IsStrictlySerializable(history_));
}

TEST_F(HistoryCheckerTest, ExplainsTheCycleForPeople) {
  Add(1, 0, 1, {Set(kX, "old")});
  Add(1, 2, 3, {Set(kX, "new")});
  Crash(5);
  Add(2, 6, 7, {Get(kX, "old")});
  const auto violation = FindViolation(history_);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->text,
            R"(not strictly serializable: lost write after a crash
Each of these had to take effect before the next, and the last before the first:
  [1] client 1, 2.000..3.000 ms: EXEC { SET x "new" }
    ended before the next began; kill -9 at 5.000 ms in between
  [2] client 2, 6.000..7.000 ms: EXEC { GET x = "old" }
    read x before the next one wrote it: it found what [0] wrote, which the next one replaced ([0] was sent before [1])
where
  [0] client 1, 0.000..1.000 ms: EXEC { SET x "old" }
)");
}

TEST_F(HistoryCheckerTest, CatchesAChangeInsideATransaction) {
  Add(1, 0, 9, {Append("entry__1", 2)});
  const OpId op = Add(2, 0, 9, {ReadLog(""), Append("entry__2", 3)});
  Add(3, 0, 9, {Append("entry__3", 1)});
  ExpectBad("transaction not isolated", {op}, "log changed between two of its own commands");
}

TEST_F(HistoryCheckerTest, CatchesAGapInALog) {
  const OpId op = Add(1, 0, 9, {Append("entry__1", 2)});
  ExpectBad("invented value", {op}, "only 1 writes are known");
}

// ---- Against the exact search ------------------------------------------------------------------

// Histories of a simulated store that is right, but for the faults that it is told to have.
class RandomHistory {
 public:
  struct Shape {
    uint32_t clients;
    int operations;  // of each client
    int accesses;    // of each operation, at most
    std::vector<KeyId> keys;
    bool faults;
  };

  RandomHistory(Shape shape, uint64_t seed) : shape_(std::move(shape)), random_(seed) {
    history_.keys = {"x", "y", "log", "n"};
    for (uint32_t client = 0; client < shape_.clients; ++client) AddClient(client);
    AddLastReads();
    for (const auto& [time, at] : effects_) Effect(at.first, at.second);
  }

  const History& history() const { return history_; }

 private:
  int64_t Below(int64_t limit) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(limit));
  }

  void AddClient(uint32_t client) {
    int64_t time = Below(10);
    for (int i = 0; i < shape_.operations; ++i) {
      const int64_t ended = time + 1 + Below(30);
      const auto op = static_cast<OpId>(history_.operations.size());
      history_.operations.push_back({.client = client, .began = time, .ended = ended});
      AddAccesses(op);
      time = ended + 1 + Below(5);
    }
  }

  // All keys are read in the end, as after a restart.
  void AddLastReads() {
    constexpr int64_t kLate = 1000000;
    const auto op = static_cast<OpId>(history_.operations.size());
    history_.operations.push_back({.client = shape_.clients, .began = kLate, .ended = kLate + 1});
    for (KeyId key : shape_.keys) {
      effects_.emplace(kLate, std::pair(op, history_.operations[op].accesses.size()));
      history_.operations[op].accesses.push_back(New(key, /*write=*/false));
    }
    lost_.push_back(false);
  }

  void AddAccesses(OpId op) {
    Operation& operation = history_.operations[op];
    int64_t effect = operation.began + Below(operation.ended - operation.began + 1);
    if (shape_.faults && Below(6) == 0) effect += Below(60) - 30;
    const bool torn = shape_.faults && Below(8) == 0;
    bool only_writes = true;
    for (int64_t i = Below(shape_.accesses); i >= 0; --i) {
      const KeyId key = shape_.keys[random_() % shape_.keys.size()];
      const bool write = Below(2) == 0;
      only_writes &= write;
      operation.accesses.push_back(New(key, write));
      if (torn) effect += Below(20) - 10;
      effects_.emplace(effect, std::pair(op, operation.accesses.size() - 1));
    }
    if (only_writes && Below(5) == 0) operation.outcome = Outcome::kUnknown;
    lost_.push_back(operation.outcome == Outcome::kUnknown && Below(2) == 0);
  }

  Access New(KeyId key, bool write) {
    using Kind = Access::Kind;
    if (key == kN) return {.kind = write ? Kind::kIncrement : Kind::kReadCounter, .key = key};
    if (!write) return {.kind = key == kLog ? Kind::kReadLog : Kind::kGet, .key = key};
    const std::string value = fmt::format("{:08}", ++values_);
    return {.kind = key == kLog ? Kind::kAppend : Kind::kSet, .key = key, .value = value};
  }

  void Effect(OpId op, size_t index) {
    Operation& operation = history_.operations[op];
    if (lost_[op]) return;
    Access& access = operation.accesses[index];
    std::string& value = state_[access.key];
    const bool known = operation.outcome == Outcome::kDone;
    switch (access.kind) {
      case Access::Kind::kGet:
      case Access::Kind::kReadLog:
        access.value = value;
        break;
      case Access::Kind::kSet:
        value = access.value;
        break;
      case Access::Kind::kAppend:
        value += access.value;
        if (known) access.number = static_cast<int64_t>(value.size() / kEntryBytes);
        break;
      case Access::Kind::kReadCounter:
        access.number = numbers_;
        break;
      case Access::Kind::kIncrement:
        ++numbers_;
        if (known) access.number = numbers_;
        break;
    }
  }

  const Shape shape_;
  std::mt19937_64 random_;
  History history_;
  std::multimap<int64_t, std::pair<OpId, size_t>> effects_;  // by time
  std::vector<bool> lost_;
  std::map<KeyId, std::string> state_;
  int64_t numbers_ = 0;
  int values_ = 0;
};

std::string Text(const History& history) {
  std::string text;
  for (OpId op = 0; op < history.operations.size(); ++op) text += Describe(history, op) + "\n";
  return text;
}

struct Comparison {
  int good = 0;
  int bad = 0;
  int missed = 0;
};

// Whatever the checker reports is a violation for the exact search, too.
Comparison Compare(const RandomHistory::Shape& shape, int histories) {
  Comparison result;
  for (int seed = 0; seed < histories; ++seed) {
    const RandomHistory random(shape, static_cast<uint64_t>(seed));
    const auto violation = FindViolation(random.history());
    const bool good = IsStrictlySerializable(random.history());
    EXPECT_FALSE(good && violation.has_value()) << "seed " << seed << "\n" << violation->text;
    ++(good ? result.good : result.bad);
    if (good || violation.has_value()) continue;
    ++result.missed;
    if (result.missed == 1) ::testing::Test::RecordProperty("missed", Text(random.history()));
  }
  return result;
}

TEST(HistoryCheckerAgainstSearchTest, AgreesOnSingleRegisters) {
  const Comparison result =
      Compare({.clients = 3, .operations = 3, .accesses = 1, .keys = {kX}, .faults = true}, 3000);
  EXPECT_EQ(result.missed, 0);
  EXPECT_GT(result.good, 300);
  EXPECT_GT(result.bad, 300);
}

TEST(HistoryCheckerAgainstSearchTest, AgreesOnSingleLogs) {
  const Comparison result =
      Compare({.clients = 3, .operations = 3, .accesses = 1, .keys = {kLog}, .faults = true}, 3000);
  EXPECT_EQ(result.missed, 0);
  EXPECT_GT(result.good, 300);
  EXPECT_GT(result.bad, 300);
}

TEST(HistoryCheckerAgainstSearchTest, AcceptsWhatACorrectStoreDoes) {
  const Comparison result = Compare(
      {.clients = 3, .operations = 4, .accesses = 4, .keys = {kX, kY, kLog, kN}, .faults = false},
      1000);
  EXPECT_EQ(result.bad, 0);
}

// A few may be missed: see history_checker.h.
TEST(HistoryCheckerAgainstSearchTest, FindsNearlyAllOfTheExactSearchOnTransactions) {
  const Comparison result = Compare(
      {.clients = 3, .operations = 3, .accesses = 4, .keys = {kX, kY, kLog, kN}, .faults = true},
      3000);
  EXPECT_GT(result.good, 300);
  EXPECT_GT(result.bad, 300);
  EXPECT_LT(result.missed * 50, result.bad) << result.missed << " of " << result.bad;
}

}  // namespace
}  // namespace flashdb::e2e
