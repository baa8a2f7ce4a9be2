// Runs local commands against a keyspace of its own: arguments in, RESP text out. No server, no
// log, and time stands still unless told to move.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/types.h"
#include "commands/command.h"
#include "resp/reply_writer.h"
#include "shards/keyspace.h"

namespace flashdb::test {

class CommandHarness {
 public:
  static constexpr UnixMillis kStart = 1'700'000'000'000;

  /// Knows the rows of `families`: CommandHarness({HashCommands(), StringCommands()}).
  CommandHarness(std::initializer_list<std::span<const Command>> families)
      : families_(families), keys_(0, kSlotCount) {
    keys_.SetNow(kStart);
  }

  Keyspace& keys() { return keys_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  void set_db(uint32_t db) { db_ = db; }
  void set_max_string_bytes(uint64_t bytes) { max_string_bytes_ = bytes; }
  UnixMillis now() const { return keys_.now(); }
  void AdvanceMillis(int64_t millis) { keys_.SetNow(keys_.now() + millis); }

  /// Runs one command, name first; the reply is RESP as it would be sent.
  std::string RunArgs(const std::vector<std::string>& words) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    std::string out;
    ReplyWriter reply(out, protocol_);
    const Command* command = FindRow(args[0]);
    if (command == nullptr || command->local == nullptr) {
      reply.Error("ERR unknown command '" + words[0] + "'");
      return out;
    }
    const int count = static_cast<int>(args.size());
    if (command->arity > 0 ? count != command->arity : count < -command->arity) {
      reply.Error("ERR wrong number of arguments for '" + std::string(command->name) + "' command");
      return out;
    }
    const KeyRef key =
        command->keys.first > 0 ? MakeKey(args[command->keys.first]) : KeyRef{{}, 0, 0};
    CommandContext context{args, db_, key, keys_, random_, reply, max_string_bytes_};
    command->local(context);
    return out;
  }

  /// As RunArgs with the words of `line`, cut at blanks: no quotes, no empty arguments.
  std::string Run(std::string_view line) {
    std::vector<std::string> words;
    while (!line.empty()) {
      const size_t end = std::min(line.find(' '), line.size());
      if (end > 0) words.emplace_back(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    return RunArgs(words);
  }

  /// The effects logged since the last call.
  std::string TakeEffects() {
    std::string payload(keys_.sink().payload());
    keys_.sink().Clear();
    return payload;
  }

 private:
  const Command* FindRow(std::string_view name) const {
    std::string lower(name);
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    for (std::span<const Command> family : families_) {
      for (const Command& row : family) {
        if (row.name == lower) return &row;
      }
    }
    return nullptr;
  }

  std::vector<std::span<const Command>> families_;
  Keyspace keys_;
  Random random_{42};
  int protocol_ = 2;
  uint32_t db_ = 0;
  uint64_t max_string_bytes_ = uint64_t{512} << 20;
};

}  // namespace flashdb::test
