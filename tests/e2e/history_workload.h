// Concurrent clients that work on the same few keys and write down what they did and saw.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "e2e/client.h"
#include "e2e/history.h"

namespace flashdb::e2e {

/// The keys of a history, on all shards in turn. Its clients' threads share it; Begin() is called
/// while there are none.
class HistoryKeys {
 public:
  static constexpr uint32_t kRegisters = 5;
  static constexpr uint32_t kLogs = 3;
  static constexpr uint32_t kCounters = 3;

  /// New keys, which no history had before.
  void Begin(uint32_t shards);
  KeyId Register(uint64_t random) const { return static_cast<KeyId>(random % kRegisters); }
  KeyId Counter(uint64_t random) const {
    return static_cast<KeyId>(kRegisters + random % kCounters);
  }
  /// A log which is not long yet: it is replaced by another from time to time.
  KeyId Log(uint64_t random) const;
  /// Call it for each append.
  void NoteAppend(KeyId key);
  bool is_register(KeyId key) const { return key < kRegisters; }
  bool is_counter(KeyId key) const { return !is_register(key) && key < kRegisters + kCounters; }

  /// All keys in use; of the logs only those that were appended to since the last call, or all.
  std::vector<KeyId> InUse(bool all_logs);
  const std::vector<std::string>& names() const { return names_; }

 private:
  static constexpr uint32_t kGenerations = 400;
  static constexpr uint32_t kAppends = 48;  // to one log

  static KeyId LogId(size_t log, uint32_t generation) {
    return static_cast<KeyId>(kRegisters + kCounters + log * kGenerations + generation);
  }

  int epoch_ = 0;
  std::vector<std::string> names_;
  std::array<std::atomic<uint32_t>, kLogs> appends_ = {};
  std::array<uint32_t, kLogs> read_from_ = {};
};

/// One client. Its methods may run in a thread of its own.
class HistoryClient {
 public:
  HistoryClient(uint32_t id, uint64_t seed, HistoryKeys& keys)
      : id_(id), random_(seed), keys_(keys) {}

  /// Sends random commands and transactions until the connection is lost or `stop` is true.
  void Run(uint16_t port, const std::atomic<bool>& stop);
  /// Reads keys, one by one and all at once.
  void Read(uint16_t port, const std::vector<KeyId>& keys);
  /// The server has been killed before this time, and not started again.
  void NoteCrash(int64_t time);

  std::vector<Operation>& operations() { return operations_; }
  /// The first reply that no server should give; empty if there was none.
  const std::string& error() const { return error_; }

 private:
  struct Command {
    std::vector<std::string> words;
    std::vector<Access> accesses;
  };
  // One command, or MULTI, several and EXEC.
  struct Request {
    std::string_view name;
    std::vector<Command> commands;
    bool multi = false;
    std::vector<Access> watched = {};  // read before
  };

  uint64_t Below(uint64_t limit) { return random_() % limit; }
  KeyId AnyKey();
  Access ReadOf(KeyId key) const;
  Command Get(KeyId key) const;
  Command MGet(const std::vector<KeyId>& keys) const;
  Command Set(KeyId key, bool get);
  Command MSet();
  Command Append();
  Command Increment(KeyId key) const;
  Command AnyCommand();
  std::vector<KeyId> SomeRegisters();
  Request Single();
  Request Multi();

  void RunPipeline(Client& client);
  void RunAlternation(Client& client);
  void RunBurst(Client& client);
  void RunWatch(Client& client);
  /// Sends all at once and records all.
  void Send(Client& client, std::vector<Request> requests, std::string_view before = "");
  void Finish(Client& client, Request& request, int64_t began);
  bool TakeReplies(Client& client, Request& request, Operation& operation);
  bool Fill(Command& command, const Reply& reply);
  bool FillRead(Access& access, const Reply& reply);
  bool Unexpected(const Command& command, const Reply& reply);

  const uint32_t id_;
  std::mt19937_64 random_;
  HistoryKeys& keys_;
  uint32_t counter_ = 0;
  std::vector<Operation> operations_;
  std::string error_;
};

/// Nanoseconds of the clock that all operations of a process use.
int64_t HistoryNow();

}  // namespace flashdb::e2e
