#include "tests/fuzz/command_world.h"

#include "base/check.h"
#include "base/numbers.h"
#include "commands/dispatch.h"
#include "commands/generic_dump.h"
#include "commands/metered.h"
#include "commands/multi.h"
#include "commands/multi_shard.h"
#include "commands/pubsub.h"
#include "resp/inline_split.h"
#include "resp/reply_reader.h"
#include "wal/recovery.h"
#include "wal/writer.h"

namespace flashdb::fuzz {
namespace {

constexpr const char* kLog = "/log";
constexpr uint64_t kMaxStringBytes = 6000;
constexpr int64_t kMaxCount = 100;
constexpr int64_t kMaxMillis = 1'000'000'000;
constexpr int kMaxTurns = 1000;

// Counts that make a reply or a database as long as the client likes.
bool IsTooLong(const Command& command, const std::vector<std::string_view>& words) {
  const bool counts = command.name == "hrandfield" || command.name == "debug" ||
                      command.name == "topic|read" || command.name == "topic|create" ||
                      command.name == "topic|alter";
  if (!counts) return false;
  return std::any_of(words.begin() + 1, words.end(), [](std::string_view word) {
    std::optional<int64_t> number = ParseInt64(word);
    return number.has_value() && (*number > kMaxCount || *number < -kMaxCount);
  });
}

// Subscriptions confirm each name by a message of its own; CLIENT REPLY and SHUTDOWN may say
// nothing.
bool RepliesOnce(const Command& command) {
  return !(command.has(kPubSub) && command.has(kInSubscribe)) && command.name != "client|reply" &&
         command.name != "shutdown" && command.name != "exec";
}

// No value of RESP3 in a reply of RESP2, at the top or nested.
bool IsRespTwo(std::string_view reply) {
  while (!reply.empty()) {
    const char type = reply.front();
    if (std::string_view("+-:$*").find(type) == std::string_view::npos) return false;
    if (type == '*') {
      reply.remove_prefix(reply.find('\n') + 1);
    } else if (!SkipReply(reply)) {
      return false;
    }
  }
  return true;
}

}  // namespace

CommandWorld::CommandWorld() {
  shard_.Enter();
  LogOptions options{.directory = kLog, .segment_bytes = kMinSegmentBytes, .block_bytes = 512};
  options.mode = WriteMode::kDirectSync;
  options.spare_segments = 1;
  options.epoch_seed = 1;
  auto log = LogWriter::Open(disk_, disk_, clock_, options, {});
  FLASHDB_CHECK(log.ok(), "{}", MessageOf(log.status()));
  Status topics = topics_.Prepare();
  if (topics.ok()) topics = topics_.FinishRecovery(disk_);
  FLASHDB_CHECK(topics.ok(), "{}", MessageOf(topics));
  shard_.StartLog(*std::move(log), 0);
  shard_.set_hook(&turn_);
  shard_.Stop();  // its turns then end when there is no work
  Engine::SetCurrent(&engine_);
  engine_.max_string_bytes = kMaxStringBytes;
  services_.facts_.run_id = std::string(40, 'a');
  services_.facts_.node_ids = {std::string(40, 'b')};
  services_.facts_.started_at = clock_.NowMillis();
  for (auto& client : clients_) Connect(client);
}

CommandWorld::~CommandWorld() {
  while (topics_.busy()) disk_.RunAll();
  Engine::SetCurrent(nullptr);
}

void CommandWorld::Connect(std::unique_ptr<Client>& client) {
  client = std::make_unique<Client>();
  Session& session = client->session;
  session.id = next_id_++;
  session.link = &client->link;
  session.peer_address = "127.0.0.1:50000";
  session.local_address = "127.0.0.1:6379";
  session.created_at = session.last_active_at = clock_.NowMillis();
  session.authenticated = true;
  engine_.sessions[session.id] = &session;
}

void CommandWorld::Forget(Client& client) {
  engine_.sessions.erase(client.session.id);
  DropSubscriptions(engine_, client.session);
  DiscardMulti(client.session);
  Settle();
}

void CommandWorld::Run(std::string_view script, Reach* reach) {
  while (!script.empty()) {
    const size_t end = std::min(script.find('\n'), script.size());
    std::string storage;
    Args words;
    const bool whole = SplitInline(script.substr(0, end), storage, &words);
    script.remove_prefix(std::min(end + 1, script.size()));
    if (!whole || words.empty() || Direct(words)) continue;
    const std::vector<std::string> resolved = Resolve(words);
    RunWords({resolved.begin(), resolved.end()}, reach);
  }
}

bool CommandWorld::Direct(const std::vector<std::string_view>& words) {
  if (words[0].empty() || words[0].front() != '@') return false;
  const int64_t number = words.size() > 1 ? ParseInt64(words[1]).value_or(0) : 0;
  if (words[0] == "@client") current_ = number == 1 ? 1 : 0;
  if (words[0] == "@advance") {
    clock_.AdvanceMillis(static_cast<uint64_t>(std::clamp<int64_t>(number, 0, kMaxMillis)));
    Settle();
  }
  return true;
}

std::vector<std::string> CommandWorld::Resolve(const std::vector<std::string_view>& words) {
  constexpr std::string_view kDump = "@dump:";
  std::vector<std::string> resolved(words.begin(), words.end());
  for (std::string& word : resolved) {
    if (!word.starts_with(kDump)) continue;
    const Entry* entry = shard_.keys().Find(0, MakeKey(word.substr(kDump.size())));
    if (entry != nullptr) word = generic::EncodeDump(*entry);
  }
  (void)shard_.keys().TakeGate();
  return resolved;
}

void CommandWorld::RunWords(const std::vector<std::string_view>& words, Reach* reach) {
  Client& client = *clients_[current_];
  std::string error;
  std::string out;
  const Command* command = ResolveCommand(words, &error);
  if (command == nullptr) {
    FLASHDB_CHECK(!error.empty(), "an unknown command has no error");
    if (client.session.in_multi) client.session.multi_failed = true;
    return;
  }
  if (IsTooLong(*command, words) || Forbids(engine_, client.session, *command)) return;
  const int protocol = client.session.protocol;
  Execute(*command, words, out);
  CheckReply(*command, out);
  FLASHDB_CHECK(protocol == 3 || client.session.protocol == 3 || IsRespTwo(out),
                "{} sends RESP3 to a client of RESP2: {:.200}", command->name, out);
  if (reach != nullptr && out != "+QUEUED\r\n") {
    reach->called[command->number] = true;
    if (!out.starts_with('-')) reach->succeeded[command->number] = true;
  }
  FLASHDB_CHECK(shard_.keys().sink().empty(), "{} left effects that are not logged", command->name);
  FLASHDB_CHECK(shard_.locks().idle(), "{} left locks", command->name);
  if (!client.link.closed) return;
  Forget(client);
  Connect(clients_[current_]);
}

void CommandWorld::CheckReply(const Command& command, std::string_view out) const {
  std::optional<size_t> replies = CountReplies(out);
  FLASHDB_CHECK(replies.has_value(), "{} replies what is no RESP: {:.200}", command.name, out);
  FLASHDB_CHECK(!RepliesOnce(command) || *replies == 1, "{} replies {} times: {:.200}",
                command.name, *replies, out);
}

void CommandWorld::Execute(const Command& command, const std::vector<std::string_view>& words,
                           std::string& out) {
  Session& session = clients_[current_]->session;
  ReplyWriter reply(out, session.protocol);
  if (session.in_multi && !command.has(kBypassMulti)) {
    if (command.has(kNoMulti)) {
      session.multi_failed = true;
      return reply.Error("ERR Command not allowed inside a transaction");
    }
    QueueForExec(session, command, words);
    return reply.Simple("QUEUED");
  }
  std::vector<Gate> gates;
  SessionContext context{
      .args = words, .session = session, .engine = engine_, .reply = reply, .gates = &gates};
  switch (command.kind) {
    case CommandKind::kSession:
      command.session(context);
      return Settle();
    case CommandKind::kSessionTask:
      return ExecuteTask(RunMetered(command, context));
    default:
      return ExecuteOnKeys(command, words, out);
  }
}

void CommandWorld::ExecuteOnKeys(const Command& command, const std::vector<std::string_view>& words,
                                 std::string& out) {
  const Session& session = clients_[current_]->session;
  flashdb::Run run;
  Request& request = run.Add();
  request.args.assign(words.begin(), words.end());
  request.command = &command;
  request.db = session.db;
  const bool plain = command.kind == CommandKind::kLocal || command.kind == CommandKind::kSpread;
  if (!plain || !FindOwner(request)) {
    std::vector<Gate> gates;
    return ExecuteTask(ExecuteAlone(request, session.protocol, session.no_touch, out, gates));
  }
  run.out = &out;
  run.protocol = session.protocol;
  run.no_touch = session.no_touch;
  run.session = &session;
  FLASHDB_CHECK(StartRun(run), "{} waits although nothing is locked", command.name);
  Settle();
}

void CommandWorld::ExecuteTask(Task<void> task) {
  bool done = false;
  Detach([](Task<void> inner, bool& ended) -> Task<void> {
    co_await std::move(inner);
    ended = true;
  }(std::move(task), done));
  for (int turn = 0; turn < kMaxTurns && !done; ++turn) {
    Settle();
    if (!done) clock_.AdvanceMillis(1);
  }
  FLASHDB_CHECK(done, "a command does not end");
  Settle();
}

void CommandWorld::Settle() {
  while (shard_.TurnOnce().running) shard_.mail().Wake();
  FLASHDB_CHECK(shard_.log().failure().ok(), "{}", MessageOf(shard_.log().failure()));
  FLASHDB_CHECK(shard_.commits().settled() == shard_.log().appended(), "a record never settles");
}

namespace {

// A line for each partition that the shard owns.
void DescribeTopics(TopicStore& store, std::map<std::string, std::string>& lines) {
  for (const auto& [name, topic] : store.catalog().topics()) {
    for (PartitionNumber p = 0; p < topic->config.partitions; ++p) {
      Partition* partition = store.Find(*topic, p);
      if (partition == nullptr) continue;
      std::map<std::string, Offset> commits;
      for (const auto& [group, commit] : partition->commits()) {
        commits[store.catalog().GroupById(group)->name] = commit.offset;
      }
      std::string& line = lines[fmt::format("{}/{}", name, p)];
      line = fmt::format("id {} storage {} start {} end {}", topic->id,
                         NameOf(topic->config.storage), partition->start(), partition->end());
      for (const auto& [group, offset] : commits) line += fmt::format(" {}:{}", group, offset);
    }
  }
  (void)store.shard().keys().TakeGate();
}

std::string Joined(const std::map<std::string, std::string>& lines) {
  std::string text;
  for (const auto& [name, line] : lines) text += fmt::format("{} {}\n", name, line);
  return text;
}

}  // namespace

Contents CommandWorld::Replayed(std::string* topics) {
  auto scan = ScanLog(disk_, kLog, 0, 1);
  FLASHDB_CHECK(scan.ok(), "{}", MessageOf(scan.status()));
  ShardGroup pair(2);
  FakeDisk disk(512);
  Shard low(0, pair, clock_, 1);
  Shard high(1, pair, clock_, 1);
  TopicStore low_topics(low, disk, {.directory = "/topics"});
  TopicStore high_topics(high, disk, {.directory = "/topics"});
  const Cut cut{.log_id = 0, .lsn = scan->next_lsn, .txn = 0};
  Status replayed = ReplayLog(disk_, *scan, cut,
                              [&](Lsn lsn, RecordType, TxnId, std::string_view payload) -> Status {
                                FLASHDB_RETURN_IF_ERROR(low.keys().Apply(payload, lsn));
                                return high.keys().Apply(payload, lsn);
                              });
  FLASHDB_CHECK(replayed.ok(), "the log can't be replayed: {}", MessageOf(replayed));
  std::map<std::string, std::string> lines;
  DescribeTopics(low_topics, lines);
  DescribeTopics(high_topics, lines);
  *topics = Joined(lines);
  Contents contents;
  AddContents(low.keys(), contents);
  AddContents(high.keys(), contents);
  CheckMemoryComesBack(low.keys());
  CheckMemoryComesBack(high.keys());
  return contents;
}

void CommandWorld::CheckLog() {
  for (auto& client : clients_) Forget(*client);
  const PubSubRegistry& pubsub = engine_.pubsub;
  FLASHDB_CHECK(pubsub.channels.empty() && pubsub.patterns.empty() && pubsub.shard_channels.empty(),
                "closed clients are still subscribed");
  Contents contents;
  AddContents(shard_.keys(), contents);
  std::map<std::string, std::string> lines;
  DescribeTopics(topics_, lines);
  std::string replayed_topics;
  CheckEqual(contents, Replayed(&replayed_topics), "the log replayed");
  FLASHDB_CHECK(Joined(lines) == replayed_topics, "topics\n{}are after a replay\n{}", Joined(lines),
                replayed_topics);
  CheckMemoryComesBack(shard_.keys());
}

}  // namespace flashdb::fuzz
