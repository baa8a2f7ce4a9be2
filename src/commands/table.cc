#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "commands/command.h"

namespace flashdb {
namespace {

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr size_t kMaxName = 64;

// Lower-cases the ASCII letters among eight bytes at once; all other bytes stay.
constexpr uint64_t LowerBytes(uint64_t bytes) {
  uint64_t low = bytes & (kOnes * 0x7f);
  uint64_t from_a = low + kOnes * (0x80 - 'A');
  uint64_t above_z = low + kOnes * (0x7f - 'Z');
  uint64_t upper = ~bytes & (from_a ^ above_z) & (kOnes * 0x80);
  return bytes | (upper >> 2);
}

uint64_t LoadBytes(const char* from, size_t count) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, from, count);
  return bytes;
}

uint64_t LoadShort(std::string_view name) {
  if (name.size() >= 4) {
    return LoadBytes(name.data(), 4) | LoadBytes(name.data() + name.size() - 4, 4) << 32;
  }
  uint64_t bytes = 0;
  for (char c : name) bytes = bytes << 8 | static_cast<uint8_t>(c);
  return bytes;
}

// A name in lower case, as two words and a length. That is all of a name of up to 16 bytes; of a
// longer one the middle has to be compared too.
struct Fingerprint {
  uint64_t head;
  uint64_t tail;
  uint64_t size;

  explicit Fingerprint(std::string_view name) : tail(0), size(name.size()) {
    if (size < 8) {
      head = LowerBytes(LoadShort(name));
    } else {
      head = LowerBytes(LoadBytes(name.data(), 8));
      tail = LowerBytes(LoadBytes(name.data() + size - 8, 8));
    }
  }
  Fingerprint() : head(0), tail(0), size(0) {}

  bool operator==(const Fingerprint&) const = default;
  uint64_t Hash() const {
    uint64_t mixed = head * 0x9e3779b97f4a7c15 ^ (tail + size) * 0xc2b2ae3d27d4eb4f;
    return mixed ^ mixed >> 29;
  }
};

bool MiddleMatches(std::string_view lower, std::string_view name) {
  for (size_t i = 8; i + 8 < name.size(); ++i) {
    char c = name[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (c != lower[i]) return false;
  }
  return true;
}

// Open addressing with linear probing, filled once and at most a quarter full: most look-ups touch
// one slot.
class NameIndex {
 public:
  void Build(const std::vector<const Command*>& rows) {
    size_t capacity = 64;
    while (capacity < rows.size() * 4) capacity *= 2;
    slots_.resize(capacity);
    for (const Command* row : rows) Insert(row);
  }

  const Command* Find(std::string_view name) const {
    Fingerprint print(name);
    for (size_t i = print.Hash();; ++i) {
      const Slot& slot = slots_[i & (slots_.size() - 1)];
      if (slot.command == nullptr) return nullptr;
      if (slot.print == print && MiddleMatches(slot.command->name, name)) return slot.command;
    }
  }

 private:
  struct Slot {
    Fingerprint print;
    const Command* command = nullptr;
  };

  void Insert(const Command* row) {
    FLASHDB_CHECK(row->name.size() <= kMaxName, "command name {} is too long", row->name);
    FLASHDB_CHECK(Find(row->name) == nullptr, "command {} is in the table twice", row->name);
    Fingerprint print(row->name);
    size_t i = print.Hash();
    while (slots_[i & (slots_.size() - 1)].command != nullptr) ++i;
    slots_[i & (slots_.size() - 1)] = {print, row};
  }

  std::vector<Slot> slots_;
};

struct Table {
  std::vector<Command> rows;  // numbered copies
  std::vector<const Command*> commands;
  std::vector<const Command*> subcommands;
  NameIndex by_name;
  NameIndex by_sub_name;

  Table() {
    const std::array families = {StringCommands(), GenericCommands(),     HashCommands(),
                                 PubSubCommands(), TransactionCommands(), ConnectionCommands(),
                                 ClientCommands(), ServerCommands(),      ClusterCommands(),
                                 TopicCommands()};
    for (std::span<const Command> family : families) {
      rows.insert(rows.end(), family.begin(), family.end());
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].number = static_cast<uint16_t>(i);
      bool is_sub = rows[i].name.find('|') != std::string_view::npos;
      (is_sub ? subcommands : commands).push_back(&rows[i]);
    }
    by_name.Build(commands);
    by_sub_name.Build(subcommands);
  }
};

const Table& TheTable() {
  static const Table table;
  return table;
}

}  // namespace

const Command* FindCommand(std::string_view name) { return TheTable().by_name.Find(name); }

const Command* FindSubcommand(std::string_view container, std::string_view sub) {
  std::array<char, kMaxName> joined;
  size_t size = container.size() + 1 + sub.size();
  if (size > joined.size()) return nullptr;
  std::copy(container.begin(), container.end(), joined.begin());
  joined[container.size()] = '|';
  std::copy(sub.begin(), sub.end(), joined.begin() + container.size() + 1);
  return TheTable().by_sub_name.Find({joined.data(), size});
}

const Command* FindRow(std::string_view name) {
  const size_t bar = name.find('|');
  if (bar == std::string_view::npos) return FindCommand(name);
  return FindSubcommand(name.substr(0, bar), name.substr(bar + 1));
}

size_t CommandCount() { return TheTable().rows.size(); }

const Command& CommandAt(size_t number) { return TheTable().rows[number]; }

const std::vector<const Command*>& AllCommands() { return TheTable().commands; }

std::vector<const Command*> SubcommandsOf(std::string_view container) {
  std::vector<const Command*> found;
  for (const Command* row : TheTable().subcommands) {
    if (row->name.size() > container.size() && row->name.starts_with(container) &&
        row->name[container.size()] == '|') {
      found.push_back(row);
    }
  }
  return found;
}

bool ArityFits(const Command& command, size_t args) {
  int count = static_cast<int>(args);
  const KeyRange& keys = command.keys;
  bool whole = keys.step <= 1 || (count - keys.first) % keys.step == 0;
  if (!whole && keys.last < 0) return false;  // MSET with a key that has no value
  return command.arity < 0 ? count >= -command.arity : count == command.arity;
}

std::string WrongArity(std::string_view name) {
  return fmt::format("ERR wrong number of arguments for '{}' command", name);
}

}  // namespace flashdb
