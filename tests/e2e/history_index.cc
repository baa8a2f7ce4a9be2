#include "e2e/history_index.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "e2e/history_graph.h"
#include "e2e/history_report.h"

namespace flashdb::e2e {
namespace {

constexpr OpId kNone = HistoryGraph::kNone;

bool IsRead(const Access& access) { return !access.writes(); }

int64_t EntriesIn(std::string_view entries) {
  return static_cast<int64_t>(entries.size() / kEntryBytes);
}

// The version of a log or counter after the access; -1 if it is not known.
int64_t NumberOf(const Access& access) {
  return access.kind == Access::Kind::kReadLog ? EntriesIn(access.value) : access.number;
}

}  // namespace

HistoryIndex::HistoryIndex(const History& history)
    : history_(history),
      keys_(history.keys.size()),
      included_(history.operations.size()),
      seen_(history.operations.size()) {
  const auto count = static_cast<OpId>(history.operations.size());
  for (OpId op = 0; op < count; ++op) IndexWrites(op);
  for (OpId op = 0; op < count; ++op) {
    for (const Access& access : history.operations[op].accesses) {
      if (access.kind == Access::Kind::kReadLog) CheckLogRead(op, access);
    }
  }
  for (KeyId key = 0; key < keys_.size(); ++key) PlaceEntries(key);
  for (OpId op = 0; op < count; ++op) {
    for (const Access& access : history.operations[op].accesses) CheckPlaces(op, access);
  }
  Include();
  for (OpId op = 0; op < count; ++op) {
    if (included_[op]) IndexReads(op);
  }
  for (KeyId key = 0; key < keys_.size(); ++key) CheckGaps(key);
}

void HistoryIndex::Report(std::string violation, std::string sentence,
                          std::vector<OpId> operations) {
  if (violation_.has_value()) return;
  violation_ =
      ReportOperations(history_, std::move(violation), std::move(sentence), std::move(operations));
}

// ---- Writes ------------------------------------------------------------------------------------

void HistoryIndex::IndexWrites(OpId op) {
  for (const Access& access : history_.operations[op].accesses) {
    Key& key = keys_[access.key];
    Kind kind = Kind::kRegister;
    if (access.kind == Access::Kind::kReadLog || access.kind == Access::Kind::kAppend) {
      kind = Kind::kLog;
    } else if (access.kind == Access::Kind::kReadCounter ||
               access.kind == Access::Kind::kIncrement) {
      kind = Kind::kCounter;
    }
    FLASHDB_CHECK(key.kind == Kind::kUnused || key.kind == kind, "'{}' is used in two ways",
                  name(access.key));
    key.kind = kind;
    if (access.kind == Access::Kind::kIncrement) IndexCounterWrite(op, access);
    if (access.kind == Access::Kind::kSet || access.kind == Access::Kind::kAppend) {
      IndexWrite(op, access);
    }
  }
}

void HistoryIndex::IndexWrite(OpId op, const Access& access) {
  Key& key = keys_[access.key];
  const bool fresh = key.writer_of.emplace(access.value, op).second;
  FLASHDB_CHECK(fresh && !access.value.empty(), "'{}' is written twice to '{}' by the test itself",
                access.value, name(access.key));
  if (access.kind == Access::Kind::kAppend) return;
  for (const Access& other : history_.operations[op].accesses) {
    if (&other > &access && other.kind == Access::Kind::kSet && other.key == access.key) {
      key.overwritten.emplace(access.value, op);
    }
  }
}

void HistoryIndex::IndexCounterWrite(OpId op, const Access& access) {
  Key& key = keys_[access.key];
  const Operation::Outcome outcome = history_.operations[op].outcome;
  if (outcome == Operation::Outcome::kUnknown) key.unknown.push_back(op);
  if (outcome != Operation::Outcome::kDone) return;
  const auto [at, fresh] = key.versions.emplace(access.number, op);
  if (!fresh) {
    Report("lost update",
           fmt::format("Both incremented {} to {}.", name(access.key), access.number),
           {at->second, op});
  }
}

// ---- Logs --------------------------------------------------------------------------------------

void HistoryIndex::CheckLogRead(OpId op, const Access& access) {
  Key& key = keys_[access.key];
  const bool longer = access.value.size() > key.entries.size();
  const std::string_view shorter = longer ? key.entries : access.value;
  if (access.value.size() % kEntryBytes != 0) {
    Report("invented value", fmt::format("{} has no whole number of entries.", name(access.key)),
           {op});
  } else if (!(longer ? access.value : key.entries).starts_with(shorter)) {
    Report("incompatible orders",
           fmt::format("They saw entries of {} in orders of which none continues the other: \"{}\" "
                       "and \"{}\".",
                       name(access.key), key.entries, access.value),
           {key.entries_reader, op});
  }
  if (!longer) return;
  key.entries = access.value;
  key.entries_reader = op;
}

void HistoryIndex::PlaceEntries(KeyId id) {
  Key& key = keys_[id];
  std::unordered_set<std::string> placed;
  for (size_t at = 0; at + kEntryBytes <= key.entries.size(); at += kEntryBytes) {
    const std::string entry = key.entries.substr(at, kEntryBytes);
    const auto writer = key.writer_of.find(entry);
    if (writer == key.writer_of.end()) {
      Report("invented value", fmt::format("Nobody appended \"{}\" to {}.", entry, name(id)),
             {key.entries_reader});
      return;
    }
    if (!placed.insert(entry).second) {
      Report("duplicated write", fmt::format("\"{}\" is twice in {}.", entry, name(id)),
             {writer->second, key.entries_reader});
    }
    seen_[writer->second] = true;
    key.versions[EntriesIn(key.entries.substr(0, at)) + 1] = writer->second;
    if (history_.operations[writer->second].outcome == Operation::Outcome::kAborted) {
      Report("aborted write was read",
             fmt::format("\"{}\" is in {} although its transaction was aborted.", entry, name(id)),
             {writer->second, key.entries_reader});
    }
  }
}

// What APPEND replied must be where its entry is.
void HistoryIndex::CheckPlaces(OpId op, const Access& access) {
  if (access.kind != Access::Kind::kAppend) return;
  Key& key = keys_[access.key];
  if (history_.operations[op].outcome == Operation::Outcome::kUnknown &&
      key.entries.find(access.value) == std::string::npos) {
    key.unknown.push_back(op);
  }
  if (access.number < 0) return;
  const auto end = static_cast<size_t>(access.number) * kEntryBytes;
  if (end <= key.entries.size() &&
      key.entries.compare(end - kEntryBytes, kEntryBytes, access.value) != 0) {
    const bool moved = key.entries.find(access.value) != std::string::npos;
    Report(moved ? "incompatible orders" : "lost write",
           fmt::format("\"{}\" was acknowledged as entry number {} of {}, where now \"{}\" is.",
                       access.value, access.number, name(access.key),
                       key.entries.substr(end - kEntryBytes, kEntryBytes)),
           {op, key.versions.at(access.number), key.entries_reader});
    return;
  }
  const auto [at, fresh] = key.versions.emplace(access.number, op);
  if (!fresh && at->second != op) {
    Report("lost write",
           fmt::format("Both were told that they appended entry number {} of {}.", access.number,
                       name(access.key)),
           {at->second, op});
  }
}

// ---- Reads -------------------------------------------------------------------------------------

// A read is a fact whatever became of the transaction that it belongs to.
void HistoryIndex::Include() {
  for (const Operation& operation : history_.operations) {
    for (const Access& access : operation.accesses) {
      if (access.kind != Access::Kind::kGet) continue;
      const auto& writers = keys_[access.key].writer_of;
      const auto writer = writers.find(access.value);
      if (writer != writers.end()) seen_[writer->second] = true;
    }
  }
  for (OpId op = 0; op < included_.size(); ++op) {
    const Operation::Outcome outcome = history_.operations[op].outcome;
    included_[op] = outcome == Operation::Outcome::kDone ||
                    (outcome == Operation::Outcome::kUnknown && seen_[op]);
    if (!included_[op]) continue;
    std::unordered_set<KeyId> written;
    for (const Access& access : history_.operations[op].accesses) {
      if (access.kind != Access::Kind::kSet || !written.insert(access.key).second) continue;
      keys_[access.key].writers.push_back(op);
    }
  }
}

void HistoryIndex::IndexReads(OpId op) {
  std::unordered_map<KeyId, const Access*> before;  // the one of the same key before
  for (const Access& access : history_.operations[op].accesses) {
    const Access*& last = before[access.key];
    if (last != nullptr) CheckInside(op, *last, access);
    if (last == nullptr && IsRead(access)) IndexRead(op, access);
    if (NumberOf(access) >= 0) NoteSeen(op, access.key, NumberOf(access));
    last = &access;
  }
}

void HistoryIndex::IndexRead(OpId op, const Access& access) {
  if (access.kind == Access::Kind::kGet) {
    IndexRegisterRead(op, access);
  } else {
    IndexOrderedRead(op, access, NumberOf(access));
  }
}

// Nothing may change between two accesses of one operation to a key.
void HistoryIndex::CheckInside(OpId op, const Access& first, const Access& second) {
  bool follows = true;
  if (second.kind == Access::Kind::kGet) {
    follows = second.value == first.value;
  } else if (second.kind != Access::Kind::kSet && NumberOf(first) >= 0 && NumberOf(second) >= 0) {
    follows = NumberOf(second) == NumberOf(first) + (second.writes() ? 1 : 0);
  }
  if (follows) return;
  Report("transaction not isolated",
         fmt::format("{} changed between two of its own commands.", name(second.key)), {op});
}

void HistoryIndex::IndexRegisterRead(OpId op, const Access& access) {
  Key& key = keys_[access.key];
  OpId writer = kNone;
  if (!access.value.empty()) {
    const auto at = key.writer_of.find(access.value);
    if (at == key.writer_of.end()) {
      Report("invented value",
             fmt::format("Nobody wrote \"{}\" to {}.", access.value, name(access.key)), {op});
      return;
    }
    writer = at->second;
    if (writer == op) {
      Report(
          "transaction not isolated",
          fmt::format("It read \"{}\" in {} before it wrote that.", access.value, name(access.key)),
          {op});
    }
    if (history_.operations[writer].outcome == Operation::Outcome::kAborted) {
      Report("aborted write was read",
             fmt::format("\"{}\" was in {} although its transaction was aborted.", access.value,
                         name(access.key)),
             {writer, op});
    } else if (key.overwritten.contains(access.value)) {
      Report("intermediate value was read",
             fmt::format("\"{}\" was in {} for a part of a transaction only.", access.value,
                         name(access.key)),
             {writer, op});
    }
  }
  key.reads.push_back({op, writer});
}

void HistoryIndex::IndexOrderedRead(OpId op, const Access& access, int64_t version) {
  Key& key = keys_[access.key];
  // If its own writer is not known, the last one known came before it.
  const auto after = key.versions.upper_bound(version);
  const OpId writer = after == key.versions.begin() ? kNone : std::prev(after)->second;
  key.reads.push_back({op, writer, version});
}

// ---- Gaps ---------------------------------------------------------------------------------------

void HistoryIndex::NoteSeen(OpId op, KeyId key, int64_t number) {
  const auto [at, fresh] = keys_[key].seen.emplace(number, op);
  if (!fresh && history_.operations[op].ended < history_.operations[at->second].ended) {
    at->second = op;
  }
}

// Each version that no known write made was made by one of unknown outcome, which had begun when
// the version (or a later one) was seen.
void HistoryIndex::CheckGaps(KeyId id) {
  Key& key = keys_[id];
  std::vector<std::pair<int64_t, OpId>> seen(key.seen.begin(), key.seen.end());
  for (size_t i = seen.size(); i-- > 1;) {  // who saw a number or a higher one first
    const OpId first = seen[i].second;
    OpId& lower = seen[i - 1].second;
    if (history_.operations[first].ended < history_.operations[lower].ended) lower = first;
  }
  auto known = key.versions.begin();
  int64_t known_count = 0;
  for (const auto& [number, op] : seen) {
    for (; known != key.versions.end() && known->first <= number; ++known) ++known_count;
    const int64_t ended = history_.operations[op].ended;
    const auto possible = std::count_if(key.unknown.begin(), key.unknown.end(), [&](OpId unknown) {
      return history_.operations[unknown].began <= ended;
    });
    if (number - known_count <= possible) continue;
    Report(
        "invented value",
        fmt::format("{} had version {} or a later one, but only {} writes are known that far, and "
                    "at most {} of unknown outcome.",
                    name(id), number, known_count, possible),
        {op});
    return;
  }
}

}  // namespace flashdb::e2e
