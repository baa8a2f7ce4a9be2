// Who wrote and who read which version of which key. Finds what is wrong without any order: values
// that nobody wrote, values of what was aborted, two writers of one version.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "e2e/history.h"
#include "e2e/history_checker.h"

namespace flashdb::e2e {

class HistoryIndex {
 public:
  /// A version of a key from outside that an operation read before it wrote the key itself.
  struct Read {
    OpId op;
    OpId writer;          // HistoryGraph::kNone: the beginning, or (counters) not known
    int64_t version = 0;  // of logs and counters
  };

  /// The history must stay.
  explicit HistoryIndex(const History& history);

  const std::optional<Violation>& violation() const { return violation_; }
  /// Operations that took effect as far as anybody can tell: all that are done, and those of
  /// unknown outcome whose writes were read.
  const std::vector<bool>& included() const { return included_; }
  /// A log or a counter.
  bool ordered(KeyId key) const { return keys_[key].kind != Kind::kRegister; }
  const std::vector<Read>& reads(KeyId key) const { return keys_[key].reads; }
  /// Of a register: who wrote it, each client's in order.
  const std::vector<OpId>& writers(KeyId key) const { return keys_[key].writers; }
  /// Of a log or a counter: who wrote the versions, as far as it is known.
  const std::map<int64_t, OpId>& versions(KeyId key) const { return keys_[key].versions; }

 private:
  enum class Kind : uint8_t { kUnused, kRegister, kLog, kCounter };
  struct Key {
    Kind kind = Kind::kUnused;
    std::vector<Read> reads;
    std::vector<OpId> writers;
    std::map<int64_t, OpId> versions;
    std::unordered_map<std::string, OpId> writer_of;    // by value or entry
    std::unordered_map<std::string, OpId> overwritten;  // values that their own writer replaced
    std::string entries;                                // of a log: the most that anybody read
    OpId entries_reader = UINT32_MAX;
    std::vector<OpId> unknown;     // appends that nobody saw, increments
    std::map<int64_t, OpId> seen;  // of a log or counter: whose reply told it first
  };

  const std::string& name(KeyId key) const { return history_.keys[key]; }
  void Report(std::string violation, std::string sentence, std::vector<OpId> operations);
  void IndexWrites(OpId op);
  void IndexWrite(OpId op, const Access& access);
  void IndexCounterWrite(OpId op, const Access& access);
  void CheckLogRead(OpId op, const Access& access);
  void PlaceEntries(KeyId key);
  void CheckPlaces(OpId op, const Access& access);
  void Include();
  bool IsSeen(OpId op) const;
  void IndexReads(OpId op);
  void CheckInside(OpId op, const Access& first, const Access& second);
  void IndexRead(OpId op, const Access& access);
  void IndexRegisterRead(OpId op, const Access& access);
  void IndexOrderedRead(OpId op, const Access& access, int64_t version);
  void NoteSeen(OpId op, KeyId key, int64_t number);
  void CheckGaps(KeyId key);

  const History& history_;
  std::vector<Key> keys_;
  std::vector<bool> included_;
  std::vector<bool> seen_;  // somebody read a write of the operation
  std::optional<Violation> violation_;
};

}  // namespace flashdb::e2e
