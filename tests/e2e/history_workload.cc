#include "e2e/history_workload.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/check.h"
#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

std::string Encode(const std::vector<std::string>& words) {
  std::string bytes = fmt::format("*{}\r\n", words.size());
  for (const std::string& word : words) bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return bytes;
}

}  // namespace

int64_t HistoryNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// ---- Keys --------------------------------------------------------------------------------------

void HistoryKeys::Begin(uint32_t shards) {
  ++epoch_;
  names_.clear();
  auto add = [&](char kind, uint32_t number, uint32_t shard) {
    names_.push_back(KeyOn(shard % shards, shards, fmt::format("{}{}.{}.", kind, epoch_, number)));
  };
  for (uint32_t i = 0; i < kRegisters; ++i) add('r', i, i);
  for (uint32_t i = 0; i < kCounters; ++i) add('n', i, i);
  for (uint32_t log = 0; log < kLogs; ++log) {
    for (uint32_t i = 0; i < kGenerations; ++i) add('l', log * kGenerations + i, log);
    appends_[log] = 0;
    read_from_[log] = 0;
  }
}

KeyId HistoryKeys::Log(uint64_t random) const {
  const size_t log = random % kLogs;
  return LogId(log, std::min(appends_[log] / kAppends, kGenerations - 1));
}

void HistoryKeys::NoteAppend(KeyId key) {
  ++appends_[(key - kRegisters - kCounters) / kGenerations];
}

std::vector<KeyId> HistoryKeys::InUse(bool all_logs) {
  std::vector<KeyId> keys;
  for (KeyId key = 0; key < kRegisters + kCounters; ++key) keys.push_back(key);
  for (size_t log = 0; log < kLogs; ++log) {
    const KeyId last = Log(log);
    for (KeyId key = LogId(log, all_logs ? 0 : read_from_[log]); key <= last; ++key) {
      keys.push_back(key);
    }
    read_from_[log] = last - LogId(log, 0);
  }
  return keys;
}

// ---- What a client sends -----------------------------------------------------------------------

KeyId HistoryClient::AnyKey() {
  const uint64_t kind = Below(4);
  if (kind == 0) return keys_.Log(random_());
  return kind == 1 ? keys_.Counter(random_()) : keys_.Register(random_());
}

Access HistoryClient::ReadOf(KeyId key) const {
  if (keys_.is_register(key)) return {.kind = Access::Kind::kGet, .key = key};
  return {.kind = keys_.is_counter(key) ? Access::Kind::kReadCounter : Access::Kind::kReadLog,
          .key = key};
}

HistoryClient::Command HistoryClient::Get(KeyId key) const {
  return {{"GET", keys_.names()[key]}, {ReadOf(key)}};
}

HistoryClient::Command HistoryClient::MGet(const std::vector<KeyId>& keys) const {
  Command command = {{"MGET"}, {}};
  for (KeyId key : keys) {
    command.words.push_back(keys_.names()[key]);
    command.accesses.push_back(ReadOf(key));
  }
  return command;
}

HistoryClient::Command HistoryClient::Set(KeyId key, bool get) {
  const std::string value = fmt::format("{}-{}", id_, ++counter_);
  Command command = {{"SET", keys_.names()[key], value}, {}};
  if (get) {
    command.words.push_back("GET");
    command.accesses.push_back(ReadOf(key));
  }
  command.accesses.push_back(Access::Set(key, value));
  return command;
}

std::vector<KeyId> HistoryClient::SomeRegisters() {
  std::vector<KeyId> keys;
  const uint64_t first = random_();
  for (uint64_t i = 0, count = 2 + Below(2); i < count; ++i) {
    keys.push_back(keys_.Register(first + i));
  }
  return keys;
}

HistoryClient::Command HistoryClient::MSet() {
  Command command = {{"MSET"}, {}};
  for (KeyId key : SomeRegisters()) {
    const Command set = Set(key, /*get=*/false);
    command.words.insert(command.words.end(), set.words.begin() + 1, set.words.end());
    command.accesses.push_back(set.accesses[0]);
  }
  return command;
}

HistoryClient::Command HistoryClient::Append() {
  const KeyId key = keys_.Log(random_());
  keys_.NoteAppend(key);
  const std::string entry = fmt::format("{:02}{:06}", id_ % 100, ++counter_ % 1000000);
  return {{"APPEND", keys_.names()[key], entry}, {Access::Append(key, entry, -1)}};
}

HistoryClient::Command HistoryClient::Increment(KeyId key) const {
  return {{"INCR", keys_.names()[key]}, {Access::Increment(key, -1)}};
}

HistoryClient::Command HistoryClient::AnyCommand() {
  switch (Below(8)) {
    case 0:
      return MGet({AnyKey(), AnyKey(), AnyKey()});
    case 1:
      return Append();
    case 2:
      return Increment(keys_.Counter(random_()));
    case 3:
      return MSet();
    case 4:
      return Set(keys_.Register(random_()), /*get=*/true);
    case 5:
      return Set(keys_.Register(random_()), /*get=*/false);
    default:
      return Get(AnyKey());
  }
}

HistoryClient::Request HistoryClient::Single() {
  Request request = {"", {AnyCommand()}};
  const std::string& word = request.commands[0].words[0];
  for (std::string_view name : {"GET", "MGET", "SET", "MSET", "APPEND", "INCR"}) {
    if (name == word) request.name = name;
  }
  return request;
}

HistoryClient::Request HistoryClient::Multi() {
  Request request = {"EXEC", {}, /*multi=*/true};
  const bool only_reads = Below(4) == 0;
  for (uint64_t i = 0, count = 1 + Below(4); i < count; ++i) {
    request.commands.push_back(only_reads ? Get(AnyKey()) : AnyCommand());
  }
  return request;
}

// ---- What it does and sees ---------------------------------------------------------------------

void HistoryClient::Run(uint16_t port, const std::atomic<bool>& stop) {
  Client client(port);
  while (!stop && client.connected() && error_.empty()) {
    switch (Below(15)) {
      case 0:
      case 1:
      case 2:
        RunWatch(client);
        break;
      case 3:
      case 4:
      case 5:
        RunAlternation(client);
        break;
      case 6:
        RunBurst(client);
        break;
      default:
        RunPipeline(client);
    }
  }
}

void HistoryClient::Read(uint16_t port, const std::vector<KeyId>& keys) {
  Client client(port);
  std::vector<Request> requests = {{"MGET", {MGet(keys)}}};
  for (KeyId key : keys) requests.push_back({"GET", {Get(key)}});
  Send(client, std::move(requests));
  if (!client.connected() && error_.empty()) error_ = "lost the connection: " + client.error();
}

void HistoryClient::RunPipeline(Client& client) {
  std::vector<Request> requests;
  const uint64_t count = Below(3) == 0 ? 2 + Below(8) : 1;
  while (requests.size() < count) requests.push_back(Below(3) == 0 ? Multi() : Single());
  Send(client, std::move(requests));
}

// Two counters in turn, so that a pipeline goes back and forth between two shards.
void HistoryClient::RunAlternation(Client& client) {
  const KeyId keys[] = {keys_.Counter(random_()), keys_.Counter(random_())};
  const bool writes = Below(2) == 0;
  std::vector<Request> requests;
  for (uint64_t i = 0, count = 3 + Below(4); i < count; ++i) {
    const KeyId key = keys[i % 2];
    if (writes) {
      requests.push_back({"INCR", {Increment(key)}});
    } else {
      requests.push_back({"GET", {Get(key)}});
    }
  }
  Send(client, std::move(requests));
}

// So many writes to one shard that its log is behind for a while.
void HistoryClient::RunBurst(Client& client) {
  const KeyId key = keys_.Counter(random_());
  std::vector<Request> requests;
  for (uint64_t i = 0, count = 20 + Below(60); i < count; ++i) {
    requests.push_back({"INCR", {Increment(key)}});
  }
  Send(client, std::move(requests));
}

// Reads watched registers, and writes some if nobody has changed them since.
void HistoryClient::RunWatch(Client& client) {
  const std::vector<KeyId> watched = SomeRegisters();
  std::vector<std::string> watch = {"WATCH"};
  for (KeyId key : watched) watch.push_back(keys_.names()[key]);
  Send(client, {{"MGET", {MGet(watched)}}}, Encode(watch));
  if (!client.connected() || !error_.empty()) return;
  Request request = {"WATCH+EXEC", {}, /*multi=*/true, operations_.back().accesses};
  request.commands.push_back(Set(watched[Below(watched.size())], /*get=*/false));
  if (Below(2) == 0) request.commands.push_back(AnyCommand());
  std::vector<Request> requests;
  requests.push_back(std::move(request));
  Send(client, std::move(requests));
}

void HistoryClient::Send(Client& client, std::vector<Request> requests, std::string_view before) {
  std::string bytes(before);
  for (const Request& request : requests) {
    if (request.multi) bytes += Encode({"MULTI"});
    for (const Command& command : request.commands) bytes += Encode(command.words);
    if (request.multi) bytes += Encode({"EXEC"});
  }
  const int64_t began = HistoryNow();
  // If it fails, so does the wait for the first reply.
  (void)client.Send(bytes);
  if (!before.empty()) (void)client.GetReply();
  for (Request& request : requests) Finish(client, request, began);
}

void HistoryClient::Finish(Client& client, Request& request, int64_t began) {
  Operation operation = {.client = id_, .began = began, .command = request.name};
  const bool answered = TakeReplies(client, request, operation);
  operation.ended = HistoryNow();
  operation.accesses = std::move(request.watched);
  for (Command& command : request.commands) {
    for (Access& access : command.accesses) {
      // What a reply that did not come would have told is not known.
      if (answered || access.writes()) operation.accesses.push_back(std::move(access));
    }
  }
  if (!answered) operation.outcome = Operation::Outcome::kUnknown;
  operations_.push_back(std::move(operation));
}

bool HistoryClient::TakeReplies(Client& client, Request& request, Operation& operation) {
  if (!request.multi) return Fill(request.commands[0], client.GetReply());
  for (size_t i = 0; i <= request.commands.size(); ++i) {
    if (client.GetReply().lost()) return false;
  }
  Reply reply = client.GetReply();
  if (reply.lost()) return false;
  if (reply.is_null() && !request.watched.empty()) {
    operation.outcome = Operation::Outcome::kAborted;
    for (Command& command : request.commands) {
      std::erase_if(command.accesses, [](const Access& access) { return !access.writes(); });
    }
    return true;
  }
  if (reply.elements.size() != request.commands.size()) {
    return Unexpected(request.commands[0], reply);
  }
  for (size_t i = 0; i < request.commands.size(); ++i) {
    if (!Fill(request.commands[i], reply.elements[i])) return false;
  }
  return true;
}

bool HistoryClient::Fill(Command& command, const Reply& reply) {
  if (reply.lost()) return false;
  const bool many = command.words[0] == "MGET";
  if (many && reply.elements.size() != command.accesses.size()) return Unexpected(command, reply);
  for (size_t i = 0; i < command.accesses.size(); ++i) {
    Access& access = command.accesses[i];
    if (!access.writes()) {
      if (!FillRead(access, many ? reply.elements[i] : reply)) return Unexpected(command, reply);
    } else if (access.kind != Access::Kind::kSet) {
      const bool append = access.kind == Access::Kind::kAppend;
      if (reply.type != Reply::Type::kInteger) return Unexpected(command, reply);
      if (append && reply.integer % static_cast<int64_t>(kEntryBytes) != 0) {
        return Unexpected(command, reply);
      }
      access.number = append ? reply.integer / static_cast<int64_t>(kEntryBytes) : reply.integer;
    } else if (command.words.back() != "GET" && !reply.ok()) {
      return Unexpected(command, reply);
    }
  }
  return true;
}

bool HistoryClient::FillRead(Access& access, const Reply& reply) {
  if (!reply.is_null() && reply.type != Reply::Type::kString) return false;
  if (access.kind != Access::Kind::kReadCounter) {
    access.value = reply.str;
    return true;
  }
  access.number = 0;
  const char* const end = reply.str.data() + reply.str.size();
  return reply.is_null() || std::from_chars(reply.str.data(), end, access.number).ptr == end;
}

bool HistoryClient::Unexpected(const Command& command, const Reply& reply) {
  if (error_.empty()) {
    error_ = fmt::format("client {}: the reply to {} is {}", id_, fmt::join(command.words, " "),
                         ToString(reply));
  }
  return false;
}

void HistoryClient::NoteCrash(int64_t time) {
  for (auto at = operations_.rbegin(); at != operations_.rend(); ++at) {
    if (at->outcome != Operation::Outcome::kUnknown) break;
    at->ended = time;
  }
}

}  // namespace flashdb::e2e
